"""The one home of Streamlit's internals: its sessions, their uploads, and the messages of its pages.

Streamlit promises nothing of this. `tests/pages/test_streamlit_inside.py` names the version that was checked.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import streamlit as st
from starlette.formparsers import MultiPartParser
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.runtime import get_instance

# The option holds the seconds after which Streamlit forgets a session that was left.
FORGOTTEN = "server.disconnectedSessionTTL"


def served_page() -> Path:
    """Give the HTML page that Streamlit answers every address of a page with."""
    return Path(st.__file__).parent / "static" / "index.html"


def keep_uploads_in_memory(most_bytes: int) -> None:
    """Keep uploads of up to so many bytes out of temporary files; Streamlit's own limit is 1 MiB."""
    MultiPartParser.spool_max_size = most_bytes


def uploads() -> dict[str, Sequence[int]]:
    """Give the sizes in bytes of all kept uploads, by session."""
    # Typed as Any: its interface has no method that lists the uploads.
    manager: Any = get_instance().uploaded_file_mgr
    # Copied first, since other threads add and remove.
    kept = manager.file_storage.copy()
    return {session: [len(file.data) for file in files.copy().values()] for session, files in kept.items()}


def is_connected() -> Callable[[str], bool]:
    """Give the test whether a browser is connected to a session; call this while the server is at work."""
    return get_instance().is_active_session


def end_session(session: str) -> None:
    """End a session, connected or not, and free everything that it keeps."""
    known = get_instance()._session_mgr.get_session_info(session)
    if known is not None:
        # Streamlit's loop keeps the last session until the next one comes.
        known.session.session_state.clear()
    get_instance().close_session(session)
    # A session that Streamlit has already forgotten may still have files.
    get_instance().uploaded_file_mgr.remove_session_files(session)


def is_automatic(content: bytes) -> bool:
    """Say whether a page's message comes from its clock or its start, and not from a person."""
    message = BackMsg.FromString(content)
    return message.WhichOneof("type") in {"app_heartbeat", "load_git_info"} or message.rerun_script.is_auto_rerun
