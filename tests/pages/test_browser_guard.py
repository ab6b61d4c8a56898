"""The guard at work: the server started as a user starts it, a real browser, and somebody who bypasses the page."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from pneumo_core.files.places import MODELS_VARIABLE, ROOT
from pneumo_core.serve.audit_log import AUDIT_LOG_VARIABLE, verify_audit_log
from pneumo_core.serve.rules import OPEN_VARIABLE
from pneumo_core.serve.sign_in import PASSPHRASE_VARIABLE, hash_passphrase
from tests.pages.test_browser import QUIET, wait_until_healthy
from tests.serve.test_sign_in import WORDS

playwright = pytest.importorskip("playwright.sync_api")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
MEGABYTES = 24
FORGOTTEN_SECONDS = 4


class Server:
    """The app at work, with sign-in."""

    def __init__(self, port: int, process: subprocess.Popen, log: Path) -> None:
        self.port, self.process, self.log = port, process, log
        self.address = f"http://localhost:{port}"

    def ask(self, path: str, method: str = "GET", content: bytes | None = None, **headers: str) -> tuple[int, bytes]:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        request = urllib.request.Request(f"{self.address}{path}", content, named, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def memory(self) -> int:
        """Give the megabytes that the process holds."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+) kB", status)[1]) >> 10


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def start(port: int, output: Path, *words: str, **environment: str) -> subprocess.Popen:
    with output.open("w") as file:
        return subprocess.Popen(
            [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", str(port), *words],
            cwd=ROOT,
            env={**os.environ, **environment},
            stdout=file,
            stderr=subprocess.STDOUT,
        )


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    home = tmp_path_factory.mktemp("guard")
    log, port = home / "log", free_port()
    words = ("--server.address", "0.0.0.0", "--server.disconnectedSessionTTL", str(FORGOTTEN_SECONDS))
    # No film is read here; loading TensorFlow would take seconds, and memory that is being measured.
    (home / "tensorflow.py").write_text("raise ImportError")
    audit_log = home / "audit.jsonl"
    environment = {PASSPHRASE_VARIABLE: hash_passphrase(WORDS), AUDIT_LOG_VARIABLE: str(audit_log)}
    process = start(port, log, *words, **environment, **{MODELS_VARIABLE: str(home), "PYTHONPATH": str(home)})
    try:
        wait_until_healthy(f"http://localhost:{port}")
        yield Server(port, process, log)
    finally:
        process.terminate()
        process.wait(20)
    assert not [path for path in (log, audit_log) if re.search(f"{WORDS}|CANARY", path.read_text())]
    assert verify_audit_log(audit_log).broken is None
    events = {json.loads(line)["event"] for line in audit_log.read_text().splitlines()}
    assert events <= {"signed in", "sign-in refused", "signed off"}


def test_listening_to_other_computers_without_sign_in_is_refused_in_a_sentence(tmp_path: Path):
    process = start(free_port(), tmp_path / "log", "--server.address", "0.0.0.0", **{OPEN_VARIABLE: "yes"})
    assert process.wait(60) == 1
    said = (tmp_path / "log").read_text()
    assert "Pneumo was told to listen on 0.0.0.0 without sign-in, and other computers reach it there." in said
    assert "Traceback" not in said


def test_nothing_is_reached_without_sign_in(server: Server):
    assert server.ask("/_stcore/health") == (200, b"ok")
    for path in ("/_stcore/metrics", "/_stcore/agent/openapi.json"):
        assert server.ask(path)[0] == 404
    for path in ("/", "/explain", "/media/x.png", "/_stcore/host-config", "/static/index.html", "//explain"):
        assert server.ask(path)[0] == 401
    assert server.ask("/_stcore/upload_file/a/b", "PUT", b"x" * 100_000)[0] == 401


@pytest.fixture
def cookie(server: Server) -> str:
    class Stay(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, *_: object) -> None:
            return None

    form = f"passphrase={WORDS}".replace(" ", "+").encode()
    try:
        urllib.request.build_opener(Stay).open(f"{server.address}/sign-in", form, timeout=60)
    except urllib.error.HTTPError as answer:
        assert answer.code == 303
        return answer.headers["set-cookie"].split(";")[0]
    pytest.fail("signing in led nowhere")


def lets_go_of(server: Server, full: int, megabytes: float) -> bool:
    """Wait until a server holds so much less than it did."""
    for _ in range(300):
        if full - server.memory() >= megabytes:
            return True
        time.sleep(0.2)
    return False


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="no /proc on this system")
def test_uploads_are_let_go_of_when_their_session_ends_and_bounded_until_then(server: Server, cookie: str):
    from streamlit.proto.BackMsg_pb2 import BackMsg
    from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
    from websockets.exceptions import InvalidStatus
    from websockets.sync.client import connect

    stream = f"ws://localhost:{server.port}/_stcore/stream"
    with pytest.raises(InvalidStatus, match="403"):
        connect(stream)

    hello = BackMsg()
    hello.rerun_script.query_string = ""
    with connect(stream, additional_headers={"Cookie": cookie}, max_size=None) as page:
        page.send(hello.SerializeToString())
        session, kind = "", ""
        while kind != "script_finished":
            message = ForwardMsg.FromString(page.recv(timeout=60))
            session = session or message.new_session.initialize.session_id
            kind = message.WhichOneof("type")
        request = urllib.request.Request(f"{server.address}/_stcore/health")
        with urllib.request.urlopen(request) as answer:
            xsrf = answer.headers["set-cookie"].split(";")[0]

        head = b'--b\r\nContent-Disposition: form-data; name="file"; filename="CANARY.png"\r\n\r\n'
        content = head + bytes(MEGABYTES << 20) + b"\r\n--b--\r\n"

        def upload(**headers: str) -> tuple[int, bytes]:
            return server.ask(
                f"/_stcore/upload_file/{session}/{uuid.uuid4()}",
                "PUT",
                content,
                Cookie=f"{cookie}; {xsrf}",
                X_Xsrftoken=xsrf.partition("=")[2],
                Content_Type="multipart/form-data; boundary=b",
                **headers,
            )

        for _ in range(4):
            assert upload()[0] == 204
        full = server.memory()
        status, said = upload(Content_Length=str(450 << 20))
        assert status == 413
        assert said.startswith(b"This session may keep 476 MiB of uploads, and this is more.")
    assert lets_go_of(server, full, 3.5 * MEGABYTES)
    assert "CANARY" not in server.log.read_text()


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
def test_a_visitor_signs_in_and_the_page_leaves_the_screen_when_signed_off(server: Server, tmp_path: Path):
    zeros = tmp_path / "model.zip"
    zeros.write_bytes(bytes(2 * MEGABYTES << 20))
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=list(QUIET))
        visitor = browser.new_context()
        page = visitor.new_page()
        page.set_default_timeout(60_000)
        said: list[str] = []
        page.on("console", lambda message: said.append(message.text))
        page.goto(f"{server.address}/models")
        page.get_by_text("not a medical device").wait_for()
        page.get_by_label("Passphrase").fill("wrong")
        page.get_by_role("button", name="Sign in").click()
        page.get_by_role("alert").get_by_text("This is not the passphrase.").wait_for()
        page.get_by_label("Passphrase").fill(WORDS)
        page.keyboard.press("Enter")
        page.get_by_text("Import a model").click()
        page.locator("input[type=file]").set_input_files(zeros)
        page.locator("button:enabled").get_by_text("Import", exact=True).click()
        page.get_by_text("is no zip").or_(page.get_by_text("zip file")).first.wait_for()
        full = server.memory()
        # The cookie is out of reach of any script.
        assert "pneumo_sign_in" not in page.evaluate("document.cookie")

        other = visitor.new_page()
        other.set_default_timeout(60_000)
        other.goto(f"{server.address}/learn")
        other.get_by_role("link", name="Log off").click()
        other.get_by_label("Passphrase").wait_for()
        page.get_by_label("Passphrase").wait_for(timeout=15_000)
        assert [text for text in said if "Content Security Policy" in text] == []
        browser.close()
    # The page held the upload too; what it imported stays.
    assert lets_go_of(server, full, MEGABYTES)
