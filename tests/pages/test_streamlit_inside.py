"""Streamlit's internals are still there, in the version that was checked."""

import asyncio
from types import SimpleNamespace

import pytest
import streamlit as st
from starlette.formparsers import MultiPartParser
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.runtime import Runtime
from streamlit.runtime.uploaded_file_manager import UploadedFileRec
from streamlit.web.server.starlette import starlette_routes

from pages.parts.shared import streamlit_inside
from pneumo_core.files.places import ROOT
from pneumo_core.serve.guard import CLOSED, FILES, HEALTH, UPLOAD
from tests.looked_at import assert_version

FILE = "pages/parts/shared/streamlit_inside.py"


def test_this_was_looked_at_with_the_streamlit_that_is_installed():
    assert_version("streamlit", "1.67", FILE)


def test_what_it_uses_is_still_there():
    gone = f"Streamlit or Starlette keeps this no longer; see {FILE}."
    assert streamlit_inside.served_page().is_file(), gone
    assert isinstance(MultiPartParser.spool_max_size, int), gone
    assert isinstance(st.get_option(streamlit_inside.FORGOTTEN), int), gone


def test_a_session_that_is_ended_keeps_nothing(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(Runtime, "_instance", None)

    async def at_work() -> None:
        runtime = st.App(ROOT / "app.py")._create_runtime()
        await runtime.start()
        client = SimpleNamespace(write_forward_msg=lambda message: None, client_context=None)
        here, left = (runtime.connect_session(client, {}) for _ in range(2))
        states = {}
        for session in (here, left):
            runtime.uploaded_file_mgr.add_file(session, UploadedFileRec("one", "film.png", "image/png", b"12345"))
            states[session] = runtime.get_app_session(session).session_state
            states[session]["film"] = "pixels"
        runtime.disconnect_session(left)
        assert [streamlit_inside.is_connected()(session) for session in (here, left)] == [True, False]
        assert streamlit_inside.uploads() == {here: [5], left: [5]}
        streamlit_inside.end_session(left)
        assert streamlit_inside.uploads() == {here: [5]}
        assert ["film" in states[session] for session in (here, left)] == [True, False]
        runtime.stop()
        await runtime.stopped

    asyncio.run(at_work())


def test_what_a_page_sends_by_itself_is_told_from_what_a_person_does():
    beat, start, clock, click = (BackMsg() for _ in range(4))
    beat.app_heartbeat = True
    start.load_git_info = True
    clock.rerun_script.is_auto_rerun = True
    click.rerun_script.query_string = ""
    said = [streamlit_inside.is_automatic(message.SerializeToString()) for message in (beat, start, clock, click)]
    assert said == [True, True, True, False]


def test_the_addresses_that_the_guard_knows_are_streamlits():
    gone = "Streamlit serves this under another address; see pneumo_core/serve/guard.py."
    assert HEALTH.strip("/") == starlette_routes.ROUTE_HEALTH, gone
    assert {starlette_routes.ROUTE_METRICS, starlette_routes.ROUTE_SCRIPT_HEALTH} <= {
        path.strip("/") for path in CLOSED
    }, gone
    assert UPLOAD.fullmatch(f"/{starlette_routes.BASE_ROUTE_UPLOAD_FILE}/session/file"), gone
    assert {path.strip("/") for path in FILES} >= {
        starlette_routes.BASE_ROUTE_CORE,
        starlette_routes.BASE_ROUTE_MEDIA,
        starlette_routes.BASE_ROUTE_STATIC,
        starlette_routes.BASE_ROUTE_COMPONENT,
    }, gone
