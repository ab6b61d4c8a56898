"""Rules of a server: those that the environment and its settings ask for."""

import hashlib
import ipaddress
import os
import re
from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pneumo_core.errors import AccessError
from pneumo_core.serve.sign_in import PASSPHRASE_VARIABLE, SignIn, sign_in_asked_for

OPEN_VARIABLE = "PNEUMO_OPEN_TO_NETWORK"
OPEN_WORDS = "yes, without sign-in"
LOOPBACK_NAMES = ("localhost", "127.0.0.1", "::1")
INLINE_SCRIPT = re.compile(r"<script>(.*?)</script>", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The rules of a server.

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
        f"Pneumo was told to listen on {address or 'every address of this computer'} without sign-in, and other "
        f"computers reach it there. Please do one of these: leave out --server.address; set {PASSPHRASE_VARIABLE} to "
        f'what `python -m pneumo_core hash-passphrase` prints; or set {OPEN_VARIABLE}="{OPEN_WORDS}" if whoever '
        "reaches this computer may use it."
    )


def allowed_hosts(address: str | None, named: Iterable[str]) -> tuple[str, ...]:
    """Give the names by which a server may be addressed; empty: any.

    A page from elsewhere can make its own name point to this computer, and then talk to a server on it as if it were
    its own (DNS rebinding). So a server on loopback answers only to the names of loopback and to those it is given.
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
