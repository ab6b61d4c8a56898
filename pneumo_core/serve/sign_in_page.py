"""The page that asks for the passphrase, and what takes an open page off the screen afterwards."""

from html import escape

from pneumo_core.draw import REPORT_STYLE
from pneumo_core.wording import NOTICE

# An open page hears of a sign-off elsewhere, and of the end of its idle time, after so many seconds at most.
WATCH_SECONDS = 5.0


def sign_in_page(base: str, following: str, problem: str) -> str:
    """Give the page that asks for the passphrase, as HTML.

    Args:
        base: path below which the server serves: "" or "/name".
        following: the address that is opened afterwards.
        problem: a sentence on the attempt before; empty where there was none.
    """
    alert = f'<p class="notice" role="alert">{escape(problem)}</p>' if problem else ""
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Sign in · Pneumo</title><style>{REPORT_STYLE}
body {{ max-width: 34rem; }} label, input, button {{ display: block; font: inherit; }}
input {{ width: 100%; box-sizing: border-box; padding: .5rem; margin: .3rem 0 1rem; border: 1px solid #6b7280; }}
button {{ padding: .5rem 1.2rem; border: 0; background: #1d4ed8; color: #fff; cursor: pointer; }}
:focus-visible {{ outline: 3px solid #f59e0b; outline-offset: 2px; }}</style></head>
<body><main><h1>Pneumo</h1><p class="notice">{escape(NOTICE)}</p>{alert}
<form method="post" action="{escape(base)}/sign-in"><label for="passphrase">Passphrase</label>
<input id="passphrase" name="passphrase" type="password" autocomplete="current-password" required autofocus>
<input type="hidden" name="next" value="{escape(following)}"><button>Sign in</button></form></main></body></html>"""


def watch_script(base: str) -> str:
    """Give what takes an open page off the screen once nobody is signed in any more."""
    return f"""window.pneumoWatch ||= setInterval(async () => {{
  const answer = await fetch("{base}/signed-in", {{ cache: "no-store" }});
  if (answer.status === 401) location.replace("{base}/sign-in");
}}, {1000 * int(WATCH_SECONDS)});
"""
