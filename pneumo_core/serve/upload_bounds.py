"""How much uploads may take of the server's memory, counted while they arrive."""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pneumo_core.errors import AccessError

# Upper bounds on uploads at the same time. A folder of films comes as one upload for each.
MAX_FILES = 2_000
# Just below 500 MB: from there on a page's uploader says "1GB".
MAX_SESSION_BYTES = 476 << 20
MAX_UPLOAD_BYTES = 2_048 << 20
# The rest of a refused upload is waited for as long as something comes.
PATIENCE_SECONDS = 2.0


class _TooMuchError(AccessError):
    """An upload that is being received goes over a bound."""


@dataclass(slots=True, eq=False)
class UploadBounds:
    """Count what all sessions upload while it arrives, and refuse what would be too much.

    Attributes:
        kept: gives the bytes of each upload that is kept, by the session's name.
    """

    kept: Callable[[], Mapping[str, Sequence[int]]]
    _coming: Counter[str] = field(default_factory=Counter)
    _coming_bytes: Counter[str] = field(default_factory=Counter)

    async def pass_on(
        self, app: ASGIApp, session: str, declared: int, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Give an upload to an ASGI app piece by piece; answer 413 as soon as it goes over a bound.

        Args:
            session: for which the upload is kept.
            declared: the bytes that it says it has; 0 where it does not say.
        """
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
            self._check_room(session, declared)
            await app(scope, counted, send)
        except _TooMuchError as error:
            # It leaves room at once for others that are on their way.
            self._coming_bytes[session] -= received
            received = 0
            if is_more:
                await _let_pass(receive)
            await PlainTextResponse(str(error), 413)(scope, receive, send)
        finally:
            self._coming[session] -= 1
            self._coming_bytes[session] -= received
            if not self._coming[session]:
                del self._coming[session], self._coming_bytes[session]

    def _check_room(self, session: str, declared: int) -> None:
        kept = self.kept()
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
        if in_all > MAX_UPLOAD_BYTES:
            raise _TooMuchError(
                f"The server may keep {MAX_UPLOAD_BYTES >> 20} MiB of uploads, and this is more. Please try again when "
                "other sessions have ended."
            )


async def _let_pass(receive: Receive) -> None:
    """Wait for the rest of an upload without keeping it: a browser reads no answer before it has sent all."""
    passed, is_more = 0, True
    while is_more and passed < MAX_SESSION_BYTES:
        try:
            message = await asyncio.wait_for(receive(), PATIENCE_SECONDS)
        except TimeoutError:
            return
        passed, is_more = passed + len(message.get("body", b"")), message.get("more_body", False)
