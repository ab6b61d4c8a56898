"""The guard before the pages, as ASGI without a server; tests/pages/test_browser_guard.py has one."""

import asyncio
import dataclasses
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import streamlit

from pneumo_core.serve import guard as web_guard, upload_bounds
from pneumo_core.serve.audit_log import AUDIT_LOG_VARIABLE
from pneumo_core.serve.guard import WebGuard
from pneumo_core.serve.rules import (
    Rules,
    allowed_hosts,
)
from pneumo_core.serve.sign_in import SignIn, visitor
from pneumo_core.serve.upload_bounds import MAX_FILES
from tests.serve.test_sign_in import WORDS, Quick

UPLOAD = "/_stcore/upload_file/session/file"


class Inner:
    """Stands for Streamlit: reads what comes, says yes, and notes what reached it."""

    def __init__(self) -> None:
        self.reached: list[str] = []
        self.received = 0
        self.messages: list[dict[str, Any]] = []

    async def __call__(self, scope, receive, send) -> None:
        self.reached.append(scope["path"])
        if scope["type"] == "websocket":
            while True:
                self.messages.append(await receive())
                if self.messages[-1]["type"] == "websocket.disconnect":
                    return
        while True:
            message = await receive()
            self.received += len(message.get("body", b""))
            if not message.get("more_body"):
                break
        headers = [(b"content-type", b"text/plain"), (b"cache-control", b"public")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"yes"})


class Answer:
    """What came back."""

    def __init__(self, sent: list[dict[str, Any]]) -> None:
        self.status = sent[0]["status"]
        self.headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
        self.text = sent[1]["body"].decode()


@pytest.fixture
def inner() -> Inner:
    return Inner()


@pytest.fixture
def guard(inner: Inner) -> Callable[..., WebGuard]:
    def make(**changed: Any) -> WebGuard:
        rules = {
            "hosts": allowed_hosts("localhost", ()),
            "is_open": False,
            "sign_in": None,
            "scripts": (),
            "uploads": dict,
            "is_automatic": lambda content: content == b"clock",
        }
        return WebGuard(inner, Rules(**(rules | changed)))

    return make


def scope(path: str, method: str = "GET", server: str = "127.0.0.1", kind: str = "http", **headers: str) -> dict:
    headers = {"host": "localhost:8501"} | {name.replace("_", "-"): value for name, value in headers.items()}
    path, _, query = path.partition("?")
    return {
        "type": kind,
        "path": path,
        "query_string": query.encode(),
        "method": method,
        "scheme": "http",
        "server": (server, 8501),
        "client": ("127.0.0.1", 40000),
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
    }


def ask(guard: WebGuard, path: str, method: str = "GET", chunks: tuple[bytes, ...] = (b"",), **facts: str) -> Answer:
    return Answer(asyncio.run(exchange(guard, scope(path, method, **facts), chunks)))


async def exchange(guard: WebGuard, asked: dict, chunks: tuple[bytes, ...]) -> list[dict[str, Any]]:
    messages = iter(
        {"type": "http.request", "body": chunk, "more_body": number < len(chunks) - 1}
        for number, chunk in enumerate(chunks)
    )
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return next(messages)

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await guard(asked, receive, send)
    return sent


class Pages:
    """Stands for Streamlit: gives an address without a file its page, in two pieces, and any other a script."""

    def __init__(self, page: bytes) -> None:
        self.page = page
        self.headers: list[tuple[bytes, bytes]] = []

    async def __call__(self, scope, receive, send) -> None:
        self.headers = scope["headers"]
        is_file = scope["path"].endswith(".js")
        kind = b"text/javascript" if is_file else b"text/html; charset=utf-8"
        headers = [(b"content-type", kind), (b"content-length", str(len(self.page)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": self.page[:20], "more_body": True})
        await send({"type": "http.response.body", "body": self.page[20:]})


def served(guard: WebGuard, path: str, method: str = "GET", **facts: str) -> tuple[dict[str, str], bytes]:
    start, *bodies = asyncio.run(exchange(guard, scope(path, method, **facts), (b"",)))
    content = b"".join(body["body"] for body in bodies)
    return {name.decode(): value.decode() for name, value in start["headers"]}, content


def test_every_page_is_marked_as_not_to_be_translated_and_no_other_file_is_touched(guard):
    page = (Path(streamlit.__file__).parent / "static" / "index.html").read_bytes()
    pages = Pages(page)
    at_work = dataclasses.replace(guard(), app=pages)
    for path in ("/", "/explain", "/learn"):
        headers, content = served(at_work, path, accept="text/html", **{"accept-encoding": "gzip, br"})
        root = re.search(rb"<html[^>]*>", content)[0]
        assert b'translate="no"' in root
        assert b'class="notranslate"' in root
        assert b'lang="en"' in root
        assert content.count(b'<meta name="google" content="notranslate">') == 1
        assert int(headers["content-length"]) == len(content)
        # The scripts that stand in it keep the hashes by which they are allowed.
        own, *others = re.findall(rb"<script.*?</script>", content, re.DOTALL)
        assert b'src="./refused-uploads.js"' in own
        assert others == re.findall(rb"<script.*?</script>", page, re.DOTALL)
        assert b"accept-encoding" not in dict(pages.headers)
    # A report that is downloaded stays as it was made; and what is not marked may come compressed.
    for path in ("/static/js/index.js", "/media/report.html"):
        _, content = served(at_work, path, accept="text/html", **{"accept-encoding": "gzip"})
        assert content == page
        assert dict(pages.headers)[b"accept-encoding"] == b"gzip"


def test_every_answer_has_the_headers_and_only_ours_of_their_kind(guard):
    answer = ask(guard(scripts=("'sha256-abc'",)), "/")
    assert answer.status == 200
    policy = dict(part.split(" ", 1) for part in answer.headers["content-security-policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == "'self' 'sha256-abc'"
    assert policy["frame-ancestors"] == "'none'"
    assert not any("*" in sources or "http" in sources or "unsafe-eval" in sources for sources in policy.values())
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cache-control"] == "no-store"
    # Streamlit's own files have names of their content, and are no patient's.
    assert ask(guard(), "/static/js/index.js").headers["cache-control"] == "public"


@pytest.mark.parametrize("path", ["/_stcore/metrics", "/_stcore/agent/mcp", "/_stcore/script-health-check"])
def test_what_is_for_machines_is_closed(path: str, guard, inner: Inner):
    assert ask(guard(), path).status == 404
    assert ask(guard(base="/pneumo"), f"/pneumo{path}").status == 404
    assert inner.reached == []


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "", "[::1", "user@evil.example:8501"])
def test_another_name_is_refused_by_a_server_on_loopback(host: str, guard, inner: Inner):
    answer = ask(guard(), "/", host=host)
    assert answer.status == 421
    assert "not known under the name in the address" in answer.text
    assert inner.reached == []


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:8501", "127.0.0.1:80", "[::1]:8501", "a.hospital.example"])
def test_its_own_names_and_those_it_was_given_are_answered(host: str, guard):
    assert ask(guard(hosts=allowed_hosts("127.0.0.1", ["*.Hospital.example"])), "/", host=host).status == 200


def test_however_it_was_started_a_connection_from_elsewhere_needs_it_too(guard):
    assert ask(guard(hosts=()), "/", server="10.0.0.5").status == 421
    assert ask(guard(hosts=(), is_open=True), "/", server="10.0.0.5").status == 200
    assert ask(guard(hosts=(), sign_in=SignIn(Quick())), "/", server="10.0.0.5").status == 401


@pytest.fixture
def sign_in() -> SignIn:
    return SignIn(Quick())


def signed_in(guard: WebGuard, attempt: str = WORDS, following: str = "") -> Answer:
    form = f"passphrase={attempt}&next={following}".replace(" ", "+").encode()
    return ask(guard, "/sign-in", "POST", (form,))


def test_without_sign_in_nothing_is_reached_but_health(guard, inner: Inner, sign_in: SignIn):
    closed = guard(sign_in=sign_in)
    for method, path in (("PUT", UPLOAD), ("DELETE", UPLOAD), ("GET", "/media/film.png"), ("GET", "/static/js/i.js")):
        answer = ask(closed, path, method, cookie="pneumo_sign_in=made-up")
        assert (answer.status, inner.reached) == (401, [])
        assert "You are not signed in" in answer.text
    page = ask(closed, "/explain", accept="text/html")
    assert (page.status, page.headers["location"]) == (303, "/sign-in?next=/explain")
    lesson = ask(closed, "/learn?lesson=quiz&film=a%20b", accept="text/html").headers["location"]
    assert lesson == "/sign-in?next=/learn%3Flesson%3Dquiz%26film%3Da%2520b"
    assert 'value="/learn?lesson=quiz&amp;film=a%20b"' in ask(closed, lesson).text
    assert ask(closed, "/_stcore/health").status == 200


def test_the_passphrase_opens_and_signing_off_closes(guard, inner: Inner, sign_in: SignIn):
    closed = guard(sign_in=sign_in)
    answer = signed_in(closed, following="/explain")
    assert (answer.status, answer.headers["location"]) == (303, "/explain")
    cookie, *facts = answer.headers["set-cookie"].split("; ")
    assert facts == ["Path=/", "HttpOnly", "SameSite=Strict"]
    assert ask(closed, "/media/film.png", cookie=f"a=b; {cookie}").status == 200
    assert ask(closed, "/signed-in", cookie=cookie).status == 204
    for script in ("/watch.js", "/refused-uploads.js"):
        assert ask(closed, script).status == 401
        assert ask(closed, script, cookie=cookie).headers["content-type"] == "text/javascript"
    gone = ask(closed, "/sign-off", cookie=cookie, accept="text/html")
    assert (gone.status, gone.headers["location"]) == (303, "/sign-in")
    assert ask(closed, "/media/film.png", cookie=cookie).status == 401
    assert inner.reached == ["/media/film.png"]


def test_a_wrong_passphrase_is_said_to_be_one_and_too_many_too(guard, sign_in: SignIn):
    closed = guard(sign_in=sign_in)
    for _ in range(5):
        answer = signed_in(closed, "wrong")
        assert answer.status == 401
        assert "This is not the passphrase." in answer.text
        assert "set-cookie" not in answer.headers
    answer = signed_in(closed)
    assert answer.status == 429
    assert "too many attempts" in answer.text
    assert "not a medical device" in answer.text


def test_who_signs_in_and_off_is_recorded_without_a_name(
    guard, sign_in: SignIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    log = tmp_path / "audit.jsonl"
    monkeypatch.setenv(AUDIT_LOG_VARIABLE, str(log))
    closed = guard(sign_in=sign_in)
    signed_in(closed, "wrong CANARY")
    cookie = signed_in(closed).headers["set-cookie"].split("; ")[0]
    ask(closed, "/sign-off", cookie=cookie)
    events = [json.loads(line) for line in log.read_text().splitlines()]
    assert [event["event"] for event in events] == ["sign-in refused", "signed in", "signed off"]
    assert events[0]["user"] == "not signed in"
    assert events[1]["user"] == events[2]["user"] == visitor(cookie.partition("=")[2])
    assert not any(word in log.read_text() for word in ("CANARY", WORDS, "127.0.0.1", cookie.partition("=")[2]))


def test_nobody_is_signed_in_where_it_cannot_be_recorded(
    guard, sign_in: SignIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv(AUDIT_LOG_VARIABLE, str(tmp_path))
    answer = signed_in(guard(sign_in=sign_in))
    assert answer.status == 503
    assert "The audit log cannot be written" in answer.text
    assert "set-cookie" not in answer.headers


def test_a_form_that_is_longer_than_any_of_ours_opens_nothing(guard, inner: Inner, sign_in: SignIn):
    assert signed_in(guard(sign_in=sign_in), following="/" + "x" * 4_096).status == 401
    assert inner.reached == []


def test_of_two_cookies_the_one_of_the_longest_path_counts(guard, sign_in: SignIn):
    closed = guard(sign_in=sign_in)
    cookie = signed_in(closed).headers["set-cookie"].split("; ")[0]
    # Browsers send it first.
    assert ask(closed, "/media/film.png", cookie=f"{cookie}; pneumo_sign_in=another").status == 200
    assert ask(closed, "/media/film.png", cookie=f"pneumo_sign_in=another; {cookie}").status == 401


@pytest.mark.parametrize("there", ["https://evil.example", "//evil.example", "/\\evil.example", "x", "/a\r\nb: c"])
def test_signing_in_leads_to_this_server_only(there: str, guard, sign_in: SignIn):
    assert signed_in(guard(sign_in=sign_in), following=there).headers["location"] == "/"


def test_the_page_does_not_carry_what_the_address_puts_in(guard, sign_in: SignIn):
    page = ask(guard(sign_in=sign_in), '/sign-in?next="><script>alert(1)</script>').text
    assert "<script" not in page


def test_pictures_keep_nobody_signed_in(guard, sign_in: SignIn):
    closed = guard(sign_in=sign_in)
    now = [0.0]
    sign_in.clock = lambda: now[0]
    cookie = signed_in(closed).headers["set-cookie"].split("; ")[0]
    token = cookie.partition("=")[2]
    now[0] = 100.0
    ask(closed, "/media/film.png", cookie=cookie)
    assert sign_in.seconds_left(token) == 1700
    ask(closed, "/explain", cookie=cookie, accept="text/html")
    assert sign_in.seconds_left(token) == 1800


def test_a_socket_without_sign_in_is_refused_before_it_opens(guard, inner: Inner, sign_in: SignIn):
    async def connect() -> list[dict[str, Any]]:
        sent = []

        async def receive() -> dict[str, Any]:
            return {"type": "websocket.connect"}

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        await guard(sign_in=sign_in)(scope("/_stcore/stream", kind="websocket"), receive, send)
        return sent

    assert asyncio.run(connect()) == [{"type": "websocket.close", "code": 1008}]
    assert inner.reached == []


def test_a_socket_is_closed_when_its_time_is_over_and_its_clock_does_not_keep_it(
    guard, inner: Inner, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(web_guard, "WATCH_SECONDS", 0.02)
    now = [0.0]
    sign_in.clock = lambda: now[0]
    closed = guard(sign_in=sign_in)
    cookie = signed_in(closed).headers["set-cookie"].split("; ")[0]

    async def connect() -> list[dict[str, Any]]:
        queue: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        sent = []

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        asked = scope("/_stcore/stream", kind="websocket", cookie=cookie)
        work = asyncio.create_task(closed(asked, queue.get, send))
        await queue.put({"type": "websocket.connect"})
        now[0] = 1000.0
        await queue.put({"type": "websocket.receive", "bytes": b"click"})
        await asyncio.sleep(0.05)
        now[0] = 2000.0
        await queue.put({"type": "websocket.receive", "bytes": b"clock"})
        await asyncio.sleep(0.05)
        assert sent == []
        now[0] = 2801.0
        await asyncio.wait_for(work, 5)
        return sent

    assert asyncio.run(connect()) == [{"type": "websocket.close", "code": 1008}]
    assert [message["type"] for message in inner.messages] == [
        "websocket.connect",
        "websocket.receive",
        "websocket.receive",
        "websocket.disconnect",
    ]


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(upload_bounds, "MAX_SESSION_BYTES", 5 << 20)
    monkeypatch.setattr(upload_bounds, "MAX_UPLOAD_BYTES", 8 << 20)
    return


MEGABYTE = b"x" * (1 << 20)


@pytest.mark.usefixtures("small")
def test_an_upload_within_the_bounds_passes(guard, inner: Inner):
    assert ask(guard(), UPLOAD, "PUT", (MEGABYTE,) * 5).status == 200
    assert inner.received == 5 << 20


@pytest.mark.usefixtures("small")
def test_an_upload_over_a_session_s_bound_is_refused_before_it_comes_or_while_it_does(guard, inner: Inner):
    held = guard(uploads=lambda: {"session": [1 << 20, 2 << 20]})
    answer = ask(held, UPLOAD, "PUT", (MEGABYTE,) * 3, content_length=str(3 << 20))
    assert (answer.status, inner.received) == (413, 0)
    assert answer.text == (
        "This session may keep 5 MiB of uploads, and this is more. Please reload the page, which lets go of all "
        "uploads, or use a folder of the server."
    )
    # Who bypasses the page says nothing of the length, or not the truth.
    answer = ask(held, UPLOAD, "PUT", (MEGABYTE,) * 30)
    assert (answer.status, inner.received) == (413, 2 << 20)
    assert ask(held, UPLOAD, "PUT", (MEGABYTE,) * 2).status == 200


@pytest.mark.usefixtures("small")
def test_all_sessions_together_have_a_bound(guard):
    answer = ask(guard(uploads=lambda: {"a": [4 << 20], "b": [3 << 20]}), UPLOAD, "PUT", (MEGABYTE,) * 2)
    assert answer.status == 413
    assert "Please try again when other sessions have ended." in answer.text


def test_a_session_has_so_many_files(guard):
    assert ask(guard(uploads=lambda: {"session": [0] * MAX_FILES}), UPLOAD, "PUT").status == 413
    assert ask(guard(uploads=lambda: {"session": [0] * (MAX_FILES - 1)}), UPLOAD, "PUT").status == 200


@pytest.mark.usefixtures("small")
def test_uploads_at_the_same_time_count_together(guard, inner: Inner):
    one = guard()

    async def both() -> list[list[dict[str, Any]]]:
        asked = [scope(f"/_stcore/upload_file/session/{name}", "PUT") for name in "ab"]
        waiting = asyncio.Event()

        async def first_receive() -> dict[str, Any]:
            await asyncio.sleep(0)
            if inner.received >= 4 << 20:
                waiting.set()
                await asyncio.sleep(0.05)
                return {"type": "http.request", "body": b"", "more_body": False}
            return {"type": "http.request", "body": MEGABYTE, "more_body": True}

        answers: list[list[dict[str, Any]]] = [[], []]

        async def send_first(message: dict[str, Any]) -> None:
            answers[0].append(message)

        first = asyncio.create_task(one(asked[0], first_receive, send_first))
        await waiting.wait()
        answers[1] = await exchange(one, asked[1], (MEGABYTE,) * 3)
        await first
        return answers

    first, second = asyncio.run(both())
    assert (first[0]["status"], second[0]["status"]) == (200, 413)
    # Nothing of them is counted any more.
    assert ask(one, UPLOAD, "PUT", (MEGABYTE,) * 5).status == 200
