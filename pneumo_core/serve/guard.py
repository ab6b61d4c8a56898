"""What every request passes before the pages: whose it is, where it comes from, how much it brings."""

import asyncio
import hashlib
import ipaddress
import os
import re
from base64 import b64encode
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

from pneumo_core.draw import REPORT_STYLE
from pneumo_core.errors import AccessError, PneumoError
from pneumo_core.serve.audit_log import AuditEvent, record_event
from pneumo_core.serve.sign_in import PASSPHRASE_VARIABLE, SignIn, sign_in_asked_for, visitor
from pneumo_core.wording import NOTICE

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

OPEN_VARIABLE = "PNEUMO_OPEN_TO_NETWORK"
OPEN_WORDS = "yes, without sign-in"
LOOPBACK_NAMES = ("localhost", "127.0.0.1", "::1")
COOKIE = "pneumo_sign_in"
# What uploads may take of the server's memory at the same time. A folder of films comes as one upload for each.
MAX_FILES = 2_000
# Just below 500 MB: from there on a page's uploader says "1GB".
MAX_SESSION_BYTES = 476 << 20
MAX_BYTES = 2_048 << 20
# A passphrase is shorter.
MAX_FORM_BYTES = 4_096
# What comes of a refused upload is waited for as long as something comes.
PATIENCE_SECONDS = 2.0
# An open page hears of a sign-off elsewhere, and of the end of its idle time, after so many seconds at most.
WATCH_SECONDS = 5.0
# Numbers and schemas for machines; nobody needs them to read a film.
CLOSED = ("/_stcore/metrics", "/_stcore/script-health-check", "/_stcore/agent")
HEALTH = "/_stcore/health"
UPLOAD = re.compile(r"/_stcore/upload_file/(?P<session>[^/]+)/(?P<file>[^/]+)")
# A translator of the browser puts words of its own in the place of a page's text; what the page then says anew is
# said where nobody sees it, and the verdict on the image before stays on the screen.
TRANSLATED, UNTRANSLATED = b'<html lang="en">', b'<html lang="en" class="notranslate" translate="no">'
HEAD, MARKED_HEAD = b"<head>", b'<head><meta name="google" content="notranslate">'
# Below these stand files, a report that is downloaded among them; Streamlit answers all else with its page.
FILES = ("/static/", "/media/", "/_stcore/", "/component/")
INLINE_SCRIPT = re.compile(r"<script>(.*?)</script>", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What a server guards.

    Attributes:
        hosts: names by which it may be addressed; empty: any.
        is_open: whether it serves other computers without sign-in.
        scripts: CSP sources of the scripts that stand in its page, `'sha256-...'`.
        uploads: gives the bytes of each upload that is kept, by the session's name in the upload's address.
        is_automatic: whether a message of a page was sent by no person.
        base: path below which it is served: "" or "/name".
    """

    hosts: tuple[str, ...]
    is_open: bool
    sign_in: SignIn | None
    scripts: tuple[str, ...]
    uploads: Callable[[], Mapping[str, Sequence[int]]]
    is_automatic: Callable[[bytes], bool]
    base: str = ""


def is_loopback(address: str | None) -> bool:
    """Say whether what listens on an address is heard on its own computer only; None listens everywhere."""
    if not address:
        return False
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"


def check_address(address: str | None, has_sign_in: bool) -> None:
    """Refuse to serve other computers without sign-in, unless told so in so many words.

    Raises:
        AccessError: with what to do.
    """
    if is_loopback(address) or has_sign_in or os.environ.get(OPEN_VARIABLE) == OPEN_WORDS:
        return
    raise AccessError(
        f"Pneumo was told to listen on {address or 'every address of this computer'}, where other computers reach it, "
        f"and has no sign-in. Please do one of these: leave out --server.address; set {PASSPHRASE_VARIABLE} to what "
        f'`python -m pneumo_core hash-passphrase` prints; or set {OPEN_VARIABLE}="{OPEN_WORDS}" if whoever reaches '
        "this computer may use it."
    )


def allowed_hosts(address: str | None, named: Iterable[str]) -> tuple[str, ...]:
    """Give the names by which a server may be addressed; empty: any.

    A page from elsewhere can make its own name point to this computer and then talk to a server on it as if it were
    its own (DNS rebinding); so a server on loopback answers to the names of loopback and to those that it is given.
    """
    names = tuple(name.strip().lower().rstrip(".") for name in named)
    return (*LOOPBACK_NAMES, *names) if is_loopback(address) else names


def rules_asked_for(
    *,
    address: str | None,
    hosts: Iterable[str],
    base: str,
    page: Path,
    uploads: Callable[[], Mapping[str, Sequence[int]]],
    is_automatic: Callable[[bytes], bool],
) -> Rules:
    """Give the rules that the environment and a server's settings ask for.

    Args:
        address, hosts, base: where it listens, further names of it, the path below which it is served.
        page: the HTML page that it serves.
        uploads, is_automatic: as in `Rules`.

    Raises:
        AccessError: it would serve other computers without sign-in, and was not told to; or a setting is wrong.
    """
    sign_in = sign_in_asked_for()
    check_address(address, sign_in is not None)
    return Rules(
        hosts=allowed_hosts(address, hosts),
        is_open=os.environ.get(OPEN_VARIABLE) == OPEN_WORDS,
        sign_in=sign_in,
        scripts=script_sources(page),
        uploads=uploads,
        is_automatic=is_automatic,
        base="/" + base.strip("/") if base.strip("/") else "",
    )


def script_sources(page: Path) -> tuple[str, ...]:
    """Give the CSP sources of the scripts that stand in a page (CSP Level 3, 2.3.1: hash-source)."""
    scripts = INLINE_SCRIPT.findall(page.read_text(encoding="utf-8"))
    digests = (hashlib.sha256(script.encode()).digest() for script in scripts)
    return tuple(f"'sha256-{b64encode(digest).decode()}'" for digest in digests)


def security_headers(scripts: tuple[str, ...]) -> dict[str, str]:
    """Give the headers of every answer: nothing from elsewhere is loaded, framed, guessed or told."""
    policy = {
        "default-src": "'none'",
        "script-src": " ".join(("'self'", *scripts)),
        # Streamlit, plotly and KaTeX write styles into their elements.
        "style-src": "'self' 'unsafe-inline'",
        "img-src": "'self' data: blob:",
        "font-src": "'self' data:",
        "media-src": "'self'",
        "connect-src": "'self'",
        "worker-src": "'self' blob:",
        "manifest-src": "'self'",
        "form-action": "'self'",
        "base-uri": "'none'",
        "frame-ancestors": "'none'",
    }
    return {
        "content-security-policy": "; ".join(f"{name} {sources}" for name, sources in policy.items()),
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
        "referrer-policy": "no-referrer",
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
        "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    }


class _TooMuchError(AccessError):
    """An upload that is being received goes over a bound."""


@dataclass(slots=True, eq=False)
class WebGuard:
    """ASGI middleware (ASGI 3.0) before Streamlit's own routes: uploads, media and the pages' sockets pass it too."""

    app: App
    rules: Rules
    _headers: dict[str, str] = field(init=False)
    _coming: Counter[str] = field(default_factory=Counter)
    _coming_bytes: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._headers = security_headers(self.rules.scripts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._http(scope, receive, self._with_headers(scope, send))
        elif scope["type"] == "websocket":
            await self._websocket(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        path, sign_in = self._path(scope), self.rules.sign_in
        if refusal := self._misdirected(scope):
            await _answer(send, 421, refusal)
        elif any(path == closed or path.startswith(f"{closed}/") for closed in CLOSED):
            await _answer(send, 404, "Not here.")
        elif path == HEALTH or sign_in is None:
            await self._pass_on(scope, receive, send)
        elif path == "/sign-in":
            await self._sign_in(sign_in, scope, receive, send)
        else:
            await self._signed_in_only(sign_in, scope, receive, send)

    async def _signed_in_only(self, sign_in: SignIn, scope: Scope, receive: Receive, send: Send) -> None:
        path, token = self._path(scope), _cookie(scope)
        is_page = scope["method"] in {"GET", "HEAD"} and "text/html" in _header(scope, "accept")
        if token is None or not sign_in.seconds_left(token):
            if is_page:
                asked = scope["query_string"].decode("latin-1")
                following = quote(quote(scope["path"]) + (f"?{asked}" if asked else ""))
                there = f"{self.rules.base}/sign-in" + (f"?next={following}" if path != "/sign-off" else "")
                await _answer(send, 303, "", {"location": there})
            else:
                await _answer(send, 401, "You are not signed in. Please open the app's first page and sign in.")
        elif path == "/sign-off":
            sign_in.leave(token)
            record_event(AuditEvent("signed off", visitor(token)))
            gone = {"set-cookie": self._set_cookie(scope, "", 0), "location": f"{self.rules.base}/sign-in"}
            await _answer(send, 303, "", gone)
        elif path == "/signed-in":
            await _answer(send, 204, "")
        elif path == "/watch.js":
            await _answer(send, 200, _watch_script(self.rules.base), {"content-type": "text/javascript"})
        else:
            if is_page or scope["method"] not in {"GET", "HEAD"}:
                # Pictures are fetched by pages that nobody looks at, too.
                sign_in.seen(token)
            await self._pass_on(scope, receive, send)

    async def _sign_in(self, sign_in: SignIn, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] != "POST":
            asked = parse_qs(scope["query_string"].decode("latin-1"))
            await _answer_page(send, 200, self._sign_in_page(asked.get("next", [""])[0], ""))
            return
        form = parse_qs((await _form(receive)).decode("utf-8", "replace"), keep_blank_values=True)
        following = form.get("next", [""])[0]
        client = scope.get("client")
        address = client[0] if client else "unknown"
        try:
            # In a thread: it is slow by intent, and others are being served.
            token = await asyncio.to_thread(_recorded_entry, sign_in, form.get("passphrase", [""])[0], address)
        except PneumoError as error:
            status = 429 if isinstance(error, AccessError) else 503
            await _answer_page(send, status, self._sign_in_page(following, str(error)))
            return
        if token is None:
            message = "This is not the passphrase. Please try again, or ask whoever runs Pneumo."
            await _answer_page(send, 401, self._sign_in_page(following, message))
            return
        there = following if _is_own_path(following) else f"{self.rules.base}/"
        await _answer(send, 303, "", {"set-cookie": self._set_cookie(scope, token), "location": there})

    async def _pass_on(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = self._path(scope)
        upload = UPLOAD.fullmatch(path)
        if scope["method"] == "GET" and not path.startswith(FILES):
            # What is to be marked must not come compressed.
            asked = [pair for pair in scope["headers"] if pair[0] != b"accept-encoding"]
            await self.app({**scope, "headers": asked}, receive, _marking_pages(send))
            return
        if not upload or scope["method"] != "PUT":
            await self.app(scope, receive, send)
            return
        session, declared = upload["session"], _header(scope, "content-length")
        self._coming[session] += 1
        received, is_more = 0, True

        async def counted() -> Message:
            nonlocal received, is_more
            message = await receive()
            is_more = message.get("more_body", False)
            came = len(message.get("body", b""))
            received, before = received + came, received
            self._coming_bytes[session] += came
            if received >> 20 > before >> 20:
                self._check_room(session, 0)
            return message

        try:
            self._check_room(session, int(declared) if declared.isdecimal() else 0)
            await self.app(scope, counted, send)
        except _TooMuchError as error:
            # It leaves room at once for others that are on their way.
            self._coming_bytes[session] -= received
            received = 0
            if is_more:
                await _let_pass(receive)
            await _answer(send, 413, str(error))
        finally:
            self._coming[session] -= 1
            self._coming_bytes[session] -= received
            if not self._coming[session]:
                del self._coming[session], self._coming_bytes[session]

    def _check_room(self, session: str, declared: int) -> None:
        kept = self.rules.uploads()
        own, coming = kept.get(session, ()), self._coming_bytes
        files = len(own) + self._coming[session]
        here = sum(own) + coming[session] + declared
        in_all = sum(map(sum, kept.values())) + sum(coming.values()) + declared
        way_out = "Please reload the page, which lets go of all uploads, or use a folder of the server."
        if files > MAX_FILES:
            raise _TooMuchError(f"This session may keep {MAX_FILES} uploads, and this is one more. {way_out}")
        if here > MAX_SESSION_BYTES:
            most = MAX_SESSION_BYTES >> 20
            raise _TooMuchError(f"This session may keep {most} MiB of uploads, and this is more. {way_out}")
        if in_all > MAX_BYTES:
            raise _TooMuchError(
                f"The server may keep {MAX_BYTES >> 20} MiB of uploads, and this is more. Please try again when other "
                "sessions have ended."
            )

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        sign_in, token = self.rules.sign_in, _cookie(scope)
        if self._misdirected(scope) or (sign_in and not sign_in.seconds_left(token)):
            await receive()
            # Before it was accepted: the server answers 403.
            await send({"type": "websocket.close", "code": 1008})
        elif sign_in is None or token is None:
            await self.app(scope, receive, send)
        else:
            await self.app(scope, self._while_signed_in(sign_in, token, receive, send), send)

    def _while_signed_in(self, sign_in: SignIn, token: str, receive: Receive, send: Send) -> Receive:
        """Give a socket's messages for as long as its token holds; those that a person causes keep it."""
        waiting: asyncio.Task[Message] | None = None

        async def receive_while() -> Message:
            nonlocal waiting
            while left := sign_in.seconds_left(token):
                waiting = waiting or asyncio.ensure_future(receive())
                done, _ = await asyncio.wait({waiting}, timeout=min(left, WATCH_SECONDS))
                if done:
                    message, waiting = waiting.result(), None
                    content = message.get("bytes")
                    if content and not self.rules.is_automatic(content):
                        sign_in.seen(token)
                    return message
            if waiting:
                waiting.cancel()
            await send({"type": "websocket.close", "code": 1008})
            return {"type": "websocket.disconnect", "code": 1008}

        return receive_while

    def _misdirected(self, scope: Scope) -> str:
        """Say why a request is not for this server; empty where it is."""
        host, rules = _host(_header(scope, "host")), self.rules
        if rules.hosts and not any(_is_named(host, name) for name in rules.hosts):
            return (
                "Pneumo is not known under the name in the address. Please open it by its own name; whoever runs it "
                "can name others in server.allowedHosts."
            )
        here = scope.get("server")
        if rules.sign_in is None and not rules.is_open and not is_loopback(here[0] if here else None):
            return "Pneumo serves other computers only with sign-in, and has none. Please tell whoever runs it."
        return ""

    def _path(self, scope: Scope) -> str:
        path: str = scope["path"]
        base = self.rules.base
        return path.removeprefix(base) if base and path.startswith(f"{base}/") else path

    def _set_cookie(self, scope: Scope, token: str, age: int | None = None) -> str:
        words = [f"{COOKIE}={token}", f"Path={self.rules.base or '/'}", "HttpOnly", "SameSite=Strict"]
        words += ["Secure"] * (scope["scheme"] == "https") + ([f"Max-Age={age}"] if age is not None else [])
        return "; ".join(words)

    def _sign_in_page(self, following: str, problem: str) -> str:
        alert = f'<p class="notice" role="alert">{escape(problem)}</p>' if problem else ""
        return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Sign in · Pneumo</title><style>{REPORT_STYLE}
body {{ max-width: 34rem; }} label, input, button {{ display: block; font: inherit; }}
input {{ width: 100%; box-sizing: border-box; padding: .5rem; margin: .3rem 0 1rem; border: 1px solid #6b7280; }}
button {{ padding: .5rem 1.2rem; border: 0; background: #1d4ed8; color: #fff; cursor: pointer; }}
:focus-visible {{ outline: 3px solid #f59e0b; outline-offset: 2px; }}</style></head>
<body><main><h1>Pneumo</h1><p class="notice">{escape(NOTICE)}</p>{alert}
<form method="post" action="{escape(self.rules.base)}/sign-in"><label for="passphrase">Passphrase</label>
<input id="passphrase" name="passphrase" type="password" autocomplete="current-password" required autofocus>
<input type="hidden" name="next" value="{escape(following)}"><button>Sign in</button></form></main></body></html>"""

    def _with_headers(self, scope: Scope, send: Send) -> Send:
        headers = dict(self._headers)
        if not self._path(scope).startswith("/static/"):
            # What a page shows of a patient stays in no browser's cache.
            headers["cache-control"] = "no-store"
        ours = {name.encode(): value.encode() for name, value in headers.items()}

        async def send_with(message: Message) -> None:
            if message["type"] == "http.response.start":
                theirs = [(name, value) for name, value in message.get("headers", ()) if name.lower() not in ours]
                message = {**message, "headers": [*theirs, *ours.items()]}
            await send(message)

        return send_with


def _marking_pages(send: Send) -> Send:
    """Give a `send` that marks an HTML page as not to be translated; all else passes as it comes."""
    start: Message | None = None
    content = b""

    async def send_marked(message: Message) -> None:
        nonlocal start, content
        if message["type"] == "http.response.start" and _is_html(message):
            start = message
        elif start is None or message["type"] != "http.response.body":
            await send(message)
        else:
            content += message.get("body", b"")
            if not message.get("more_body"):
                content = content.replace(TRANSLATED, UNTRANSLATED, 1).replace(HEAD, MARKED_HEAD, 1)
                kept = [pair for pair in start["headers"] if pair[0].lower() != b"content-length"]
                await send({**start, "headers": [*kept, (b"content-length", str(len(content)).encode())]})
                await send({**message, "body": content})

    return send_marked


def _is_html(message: Message) -> bool:
    return any(
        name.lower() == b"content-type" and value.startswith(b"text/html") for name, value in message.get("headers", ())
    )


def _recorded_entry(sign_in: SignIn, attempt: str, address: str) -> str | None:
    """Try to sign in, and write down that it was tried."""
    token = None
    try:
        token = sign_in.enter(attempt, address)
    finally:
        record_event(AuditEvent("signed in" if token else "sign-in refused", visitor(token)))
    return token


def _header(scope: Scope, name: str) -> str:
    """Give a header of a request; of two of the same name none counts."""
    found = [value.decode("latin-1") for key, value in scope["headers"] if key == name.encode()]
    return found[0] if len(found) == 1 else ""


def _cookie(scope: Scope) -> str | None:
    for key, value in scope["headers"]:
        for pair in value.decode("latin-1").split(";") if key == b"cookie" else ():
            name, _, content = pair.strip().partition("=")
            if name == COOKIE and content:
                return content
    return None


def _host(header: str) -> str:
    """Give the name in a Host header, without its port; empty where there is none."""
    try:
        return (urlsplit(f"//{header}").hostname or "").rstrip(".")
    except ValueError:
        return ""


def _is_named(host: str, name: str) -> bool:
    return bool(host) and (name in {host, "*"} or (name.startswith("*.") and host.endswith(name[1:])))


def _is_own_path(path: str) -> bool:
    """Say whether a path leads to this server; browsers read "//name" and "/\\name" as other servers."""
    return bool(re.fullmatch(r"/(?![/\\])[!-~]*", path))


async def _form(receive: Receive) -> bytes:
    """Give a form's content, empty where it is longer than any form of ours."""
    content, is_more = b"", True
    while is_more:
        message = await receive()
        content, is_more = content + message.get("body", b""), message.get("more_body", False)
        if len(content) > MAX_FORM_BYTES:
            return b""
    return content


async def _let_pass(receive: Receive) -> None:
    """Wait for the rest of an upload without keeping it: a browser reads no answer before it has sent all."""
    passed, is_more = 0, True
    while is_more and passed < MAX_SESSION_BYTES:
        try:
            message = await asyncio.wait_for(receive(), PATIENCE_SECONDS)
        except TimeoutError:
            return
        passed, is_more = passed + len(message.get("body", b"")), message.get("more_body", False)


async def _answer(send: Send, status: int, text: str, headers: dict[str, str] | None = None) -> None:
    content = text.encode()
    headers = {"content-type": "text/plain; charset=utf-8", "content-length": str(len(content))} | (headers or {})
    pairs = [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": pairs})
    await send({"type": "http.response.body", "body": content})


async def _answer_page(send: Send, status: int, page: str) -> None:
    await _answer(send, status, page, {"content-type": "text/html; charset=utf-8"})


def _watch_script(base: str) -> str:
    """Give what takes an open page off the screen once nobody is signed in any more."""
    return f"""window.pneumoWatch ||= setInterval(async () => {{
  const answer = await fetch("{base}/signed-in", {{ cache: "no-store" }});
  if (answer.status === 401) location.replace("{base}/sign-in");
}}, {1000 * int(WATCH_SECONDS)});
"""
