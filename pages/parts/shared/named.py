"""A verdict and an image carry the name of their file, and never stay on the screen for another one."""

import hashlib
from html import escape

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from pneumo_core.wording import hash_start


def file_named(name: str, sha256: str, verdict: str = "") -> None:
    """Draw a file's name and the start of its SHA-256, and a verdict on it, which no translator is to touch.

    One piece of HTML, which a browser replaces as a whole: a name never stands above the verdict on another file.

    Args:
        sha256: of the file's bytes, in hexadecimal; empty where it is not known.
        verdict: becomes a heading.
    """
    digest = f" <span>SHA-256 <code>{hash_start(sha256)}</code></span>" if sha256 else ""
    heading = f'<h2 class="verdict">{escape(verdict)}</h2>' if verdict else ""
    st.html(f'<div class="film-name notranslate" translate="no"><p><b>{escape(name)}</b>{digest}</p>{heading}</div>')


def anew(*shown: object) -> DeltaGenerator:
    """Give a container that a browser makes anew as soon as what is shown in it changes.

    A translator puts words of its own in the place of a page's text. What is then only updated is updated where nobody
    sees it, and the words of the image before stay.

    Args:
        shown: all that the container's words depend on.
    """
    digest = hashlib.sha256("\n".join(map(str, shown)).encode()).hexdigest()[:16]
    # The place is emptied first: else the new container begins with what stood in the one before.
    return st.empty().container(key=f"anew_{digest}")
