"""The one home of what Streamlit keeps to itself: its sessions, their uploads, what its pages send.

Nothing here is promised by Streamlit. `tests/pages/test_streamlit_inside.py` names the version it was looked at with.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import streamlit as st
from starlette.formparsers import MultiPartParser
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.runtime import get_instance

# The seconds after which Streamlit forgets a session that was left.
FORGOTTEN = "server.disconnectedSessionTTL"


def served_page() -> Path:
    """Give the HTML page that Streamlit answers every address of a page with."""
    return Path(st.__file__).parent / "static" / "index.html"


def keep_uploads_in_memory(most_bytes: int) -> None:
    """Let no upload of up to so many bytes pass through a temporary file; by itself, one of 1 MiB would."""
    MultiPartParser.spool_max_size = most_bytes


def uploads() -> dict[str, Sequence[int]]:
    """Give the bytes of each upload that is kept, by the session that it is kept for."""
    # Any: its interface names no way to ask what it keeps.
    manager: Any = get_instance().uploaded_file_mgr
    # Copied first: other threads add and remove.
    kept = manager.file_storage.copy()
    return {session: [len(file.data) for file in files.copy().values()] for session, files in kept.items()}


def is_connected() -> Callable[[str], bool]:
    """Give what says whether a browser is connected to a session; to be asked for while the server is at work."""
    return get_instance().is_active_session


def end_session(session: str) -> None:
    """End a session, connected or not, and let go of all that it keeps."""
    known = get_instance()._session_mgr.get_session_info(session)
    if known is not None:
        # Streamlit's loop holds on to the last session until the next one comes.
        known.session.session_state.clear()
    get_instance().close_session(session)
    # Of a session that Streamlit has forgotten already.
    get_instance().uploaded_file_mgr.remove_session_files(session)


def is_automatic(content: bytes) -> bool:
    """Say whether a page's message comes from its clock or its start, and not from a person."""
    message = BackMsg.FromString(content)
    return message.WhichOneof("type") in {"app_heartbeat", "load_git_info"} or message.rerun_script.is_auto_rerun
