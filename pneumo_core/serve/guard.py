"""Checks of every request before the pages: whose it is, where it comes from, how much it brings."""

import asyncio
import re
from dataclasses import dataclass, field
from urllib.parse import quote, urlsplit

from starlette.datastructures import Headers, MutableHeaders, QueryParams
from starlette.requests import ClientDisconnect, HTTPConnection, Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pneumo_core.errors import AccessError, PneumoError
from pneumo_core.serve.audit_log import AuditEvent, record_event
from pneumo_core.serve.refused_uploads import REFUSED_UPLOADS, refused_uploads_script
from pneumo_core.serve.rules import Rules, is_loopback, security_headers
from pneumo_core.serve.sign_in import SignIn, visitor
from pneumo_core.serve.sign_in_page import WATCH_SECONDS, sign_in_page, watch_script
from pneumo_core.serve.upload_bounds import UploadBounds

COOKIE = "pneumo_sign_in"
# A passphrase is shorter.
MAX_FORM_BYTES = 4_096
# Numbers and schemas for machines; nobody needs them to read a film.
CLOSED = ("/_stcore/metrics", "/_stcore/script-health-check", "/_stcore/agent")
HEALTH = "/_stcore/health"
UPLOAD = re.compile(r"/_stcore/upload_file/(?P<session>[^/]+)/(?P<file>[^/]+)")
# A translator of the browser replaces a page's text by its own. New text of the page then appears where nobody sees
# it, and the verdict on the image before stays on the screen.
TRANSLATED, UNTRANSLATED = b'<html lang="en">', b'<html lang="en" class="notranslate" translate="no">'
HEAD = b"<head>"
MARKED_HEAD = (
    f'<head><meta name="google" content="notranslate"><script src=".{REFUSED_UPLOADS}" defer></script>'.encode()
)
# Below these stand files, a report that is downloaded among them; Streamlit answers all else with its page.
FILES = ("/static/", "/media/", "/_stcore/", "/component/")


@dataclass(slots=True, eq=False)
class WebGuard:
    """ASGI middleware (ASGI 3.0) before Streamlit's own routes: uploads, media and the pages' sockets pass it too."""

    app: ASGIApp
    rules: Rules
    _headers: dict[str, str] = field(init=False)
    _uploads: UploadBounds = field(init=False)

    def __post_init__(self) -> None:
        self._headers = security_headers(self.rules.scripts)
        self._uploads = UploadBounds(self.rules.uploads)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._http(scope, receive, self._with_headers(scope, send))
        elif scope["type"] == "websocket":
            await self._websocket(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer = await self._answer(Request(scope, receive))
        if answer is None:
            await self._pass_on(scope, receive, send)
        else:
            await answer(scope, receive, send)

    async def _answer(self, request: Request) -> Response | None:
        """Give what is answered before the pages; None where they are to answer."""
        path, sign_in = self._path(request), self.rules.sign_in
        if refusal := self._misdirected(request):
            return PlainTextResponse(refusal, 421)
        if any(path == closed or path.startswith(f"{closed}/") for closed in CLOSED):
            return PlainTextResponse("Not here.", 404)
        answer: Response | None = None
        if path == HEALTH:
            return None
        if sign_in is not None:
            is_form = path == "/sign-in"
            answer = await self._sign_in(sign_in, request) if is_form else self._signed_in_only(sign_in, request)
        if answer is None and path == REFUSED_UPLOADS:
            return _script(refused_uploads_script())
        return answer

    def _signed_in_only(self, sign_in: SignIn, request: Request) -> Response | None:
        path, token = self._path(request), _token(request)
        is_page = request.method in {"GET", "HEAD"} and "text/html" in _header(request, "accept")
        if token is None or not sign_in.seconds_left(token):
            if not is_page:
                return PlainTextResponse("You are not signed in. Please open the app's first page and sign in.", 401)
            asked = request["query_string"].decode("latin-1")
            following = quote(quote(request["path"]) + (f"?{asked}" if asked else ""))
            return self._redirect("/sign-in" + (f"?next={following}" if path != "/sign-off" else ""))
        if path == "/sign-off":
            sign_in.leave(token)
            record_event(AuditEvent("signed off", visitor(token)))
            return self._redirect("/sign-in", self._cookie(request, "", 0))
        if path == "/signed-in":
            return Response(status_code=204)
        if path == "/watch.js":
            return _script(watch_script(self.rules.base))
        if is_page or request.method not in {"GET", "HEAD"}:
            # Pictures are fetched by pages that nobody looks at, too.
            sign_in.seen(token)
        return None

    async def _sign_in(self, sign_in: SignIn, request: Request) -> Response:
        base = self.rules.base
        if request.method != "POST":
            return HTMLResponse(sign_in_page(base, request.query_params.get("next", ""), ""))
        form = QueryParams(await _form(request))
        following = form.get("next", "")
        address = request.client.host if request.client else "unknown"
        try:
            # A thread does it, because it is slow by intent, and others are being served.
            token = await asyncio.to_thread(_recorded_entry, sign_in, form.get("passphrase", ""), address)
        except PneumoError as error:
            return HTMLResponse(
                sign_in_page(base, following, str(error)), 429 if isinstance(error, AccessError) else 503
            )
        if token is None:
            message = "This is not the passphrase. Please try again, or ask whoever runs Pneumo."
            return HTMLResponse(sign_in_page(base, following, message), 401)
        cookie = self._cookie(request, token)
        return RedirectResponse(following, 303, cookie) if _is_own_path(following) else self._redirect("/", cookie)

    async def _pass_on(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope)
        path = self._path(request)
        upload = UPLOAD.fullmatch(path)
        if request.method == "GET" and not path.startswith(FILES):
            # A page that is to be marked must not come compressed.
            asked = [pair for pair in scope["headers"] if pair[0] != b"accept-encoding"]
            await self.app({**scope, "headers": asked}, receive, _marking_pages(send))
        elif upload and request.method == "PUT":
            declared = _header(request, "content-length")
            size = int(declared) if declared.isdecimal() else 0
            await self._uploads.pass_on(self.app, upload["session"], size, scope, receive, send)
        else:
            await self.app(scope, receive, send)

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        connection = HTTPConnection(scope)
        sign_in, token = self.rules.sign_in, _token(connection)
        if self._misdirected(connection) or (sign_in and not sign_in.seconds_left(token)):
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

    def _misdirected(self, connection: HTTPConnection) -> str:
        """Say why a request is not for this server; empty where it is.

        Starlette's `TrustedHostMiddleware` would not do: it says nothing of a way out, and leads on to "www.".
        """
        host, rules = _host(_header(connection, "host")), self.rules
        if rules.hosts and not any(_is_named(host, name) for name in rules.hosts):
            return (
                "Pneumo is not known under the name in the address. Please open it by its own name. Whoever runs it "
                "can name others in server.allowedHosts."
            )
        here = connection.get("server")
        if rules.sign_in is None and not rules.is_open and not is_loopback(here[0] if here else None):
            return "Pneumo serves other computers only with sign-in, and has none. Please tell whoever runs it."
        return ""

    def _path(self, connection: HTTPConnection) -> str:
        path: str = connection["path"]
        base = self.rules.base
        return path.removeprefix(base) if base and path.startswith(f"{base}/") else path

    def _redirect(self, path: str, headers: dict[str, str] | None = None) -> Response:
        return RedirectResponse(f"{self.rules.base}{path}", 303, headers)

    def _cookie(self, request: Request, token: str, age: int | None = None) -> dict[str, str]:
        words = [f"{COOKIE}={token}", f"Path={self.rules.base or '/'}", "HttpOnly", "SameSite=Strict"]
        words += ["Secure"] * (request["scheme"] == "https") + ([f"Max-Age={age}"] if age is not None else [])
        return {"set-cookie": "; ".join(words)}

    def _with_headers(self, scope: Scope, send: Send) -> Send:
        headers = dict(self._headers)
        if not self._path(HTTPConnection(scope)).startswith("/static/"):
            # No browser's cache keeps a page, which may show a patient.
            headers["cache-control"] = "no-store"

        async def send_with(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(headers)
            await send(message)

        return send_with


def _script(content: str) -> Response:
    return Response(content, headers={"content-type": "text/javascript"})


def _marking_pages(send: Send) -> Send:
    """Give a `send` that marks an HTML page as not to be translated, and names its script; all else passes."""
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
                MutableHeaders(scope=start)["content-length"] = str(len(content))
                await send(start)
                await send({**message, "body": content})

    return send_marked


def _is_html(message: Message) -> bool:
    return Headers(scope=message).get("content-type", "").startswith("text/html")


def _recorded_entry(sign_in: SignIn, attempt: str, address: str) -> str | None:
    """Try to sign in, and write down that it was tried."""
    token = None
    try:
        token = sign_in.enter(attempt, address)
    finally:
        record_event(AuditEvent("signed in" if token else "sign-in refused", visitor(token)))
    return token


def _header(connection: HTTPConnection, name: str) -> str:
    """Give a header of a request; of two of the same name none counts."""
    found = connection.headers.getlist(name)
    return found[0] if len(found) == 1 else ""


def _token(connection: HTTPConnection) -> str | None:
    """Give what the cookie holds; of two of its name the first, which browsers send for the longest path."""
    for header in connection.headers.getlist("cookie"):
        for pair in header.split(";"):
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


async def _form(request: Request) -> str:
    """Give a form's content, empty where it is longer than any form of ours, or is broken off."""
    content = b""
    try:
        async for piece in request.stream():
            content += piece
            if len(content) > MAX_FORM_BYTES:
                return ""
    except ClientDisconnect:
        return ""
    return content.decode("utf-8", "replace")
