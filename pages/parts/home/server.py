"""The server of these pages: the guards that every request passes first, with Streamlit's settings."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import streamlit as st
from starlette.middleware import Middleware

from pages.parts.shared.streamlit_inside import (
    FORGOTTEN,
    end_session,
    is_automatic,
    is_connected,
    keep_uploads_in_memory,
    served_page,
    uploads,
)
from pneumo_core.errors import PneumoError
from pneumo_core.serve import MAX_SESSION_BYTES, WebGuard, end_left_sessions, rules_asked_for, share_arenas


def guards() -> list[Middleware]:
    """Give the middleware of the server; end the process with a sentence where it must not start."""
    share_arenas()
    keep_uploads_in_memory(MAX_SESSION_BYTES << 1)
    try:
        rules = rules_asked_for(
            address=st.get_option("server.address"),
            hosts=st.get_option("server.allowedHosts"),
            base=st.get_option("server.baseUrlPath"),
            page=served_page(),
            uploads=uploads,
            is_automatic=is_automatic,
        )
    except PneumoError as error:
        sys.exit(str(error))
    return [Middleware(WebGuard, rules=rules)]


@asynccontextmanager
async def sessions_end(_app: st.App) -> AsyncIterator[None]:
    """End sessions that were left, while the server is at work."""
    # Streamlit frees a forgotten session only when another one comes, however late that is.
    work = asyncio.create_task(end_left_sessions(uploads, is_connected(), end_session, st.get_option(FORGOTTEN)))
    yield
    work.cancel()
