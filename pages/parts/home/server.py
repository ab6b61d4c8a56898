"""The server of these pages: what every request passes first, with Streamlit's settings and runtime."""

import asyncio
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import streamlit as st
from starlette.formparsers import MultiPartParser
from starlette.middleware import Middleware
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.runtime import get_instance

from pneumo_core.errors import PneumoError
from pneumo_core.serve import MAX_SESSION_BYTES, WebGuard, end_left_sessions, rules_asked_for, share_arenas

# The seconds after which Streamlit forgets a session that was left.
FORGOTTEN = "server.disconnectedSessionTTL"


def guards() -> list[Middleware]:
    """Give the middleware of the server; where it must not start, end the process with a sentence."""
    share_arenas()
    # Else every upload of more than 1 MiB passes through a temporary file.
    MultiPartParser.spool_max_size = MAX_SESSION_BYTES << 1
    try:
        rules = rules_asked_for(
            address=st.get_option("server.address"),
            hosts=st.get_option("server.allowedHosts"),
            base=st.get_option("server.baseUrlPath"),
            page=Path(st.__file__).parent / "static" / "index.html",
            uploads=_uploads,
            is_automatic=_is_automatic,
        )
    except PneumoError as error:
        sys.exit(str(error))
    return [Middleware(WebGuard, rules=rules)]


@asynccontextmanager
async def sessions_end(_app: st.App) -> AsyncIterator[None]:
    """End sessions that were left, while the server is at work."""
    # Streamlit lets go of a session that it has forgotten when another one comes, however late that is.
    work = asyncio.create_task(
        end_left_sessions(_uploads, get_instance().is_active_session, _end, st.get_option(FORGOTTEN))
    )
    yield
    work.cancel()


def _end(session: str) -> None:
    known = get_instance()._session_mgr.get_session_info(session)
    if known is not None:
        # Streamlit's loop holds on to the last session until the next one comes.
        known.session.session_state.clear()
    get_instance().close_session(session)
    # Of a session that Streamlit has forgotten already.
    get_instance().uploaded_file_mgr.remove_session_files(session)


def _uploads() -> dict[str, Sequence[int]]:
    # Any: its interface names no way to ask what it keeps.
    manager: Any = get_instance().uploaded_file_mgr
    # Copied first: other threads add and remove.
    kept = manager.file_storage.copy()
    return {session: [len(file.data) for file in files.copy().values()] for session, files in kept.items()}


def _is_automatic(content: bytes) -> bool:
    """Say whether a page's message comes from its clock or its start, and not from a person."""
    message = BackMsg.FromString(content)
    return message.WhichOneof("type") in {"app_heartbeat", "load_git_info"} or message.rerun_script.is_auto_rerun
