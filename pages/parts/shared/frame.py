"""The frame of every page: title, menu, notice. Every page calls `frame` first."""

from pathlib import Path

# Imported here and early: a first upload might otherwise meet pandas half imported by another session.
import pandas  # noqa: F401
import plotly.express  # noqa: F401
import streamlit as st

from pages.parts.shared.cached import card_of_active_model, loading_classifier
from pages.parts.shared.problems import unless_refused
from pneumo_core.models import notice_of
from pneumo_core.serve import is_sign_in_asked_for
from pneumo_core.wording import NOTICE

# A picture of our own: Streamlit fetches the named icons and emojis of a tab from the internet.
ICON = str(Path(__file__).with_name("icon.png"))
MENU = (
    ("app.py", "Home", ":material/home:"),
    ("pages/explain.py", "Explain an X-ray", ":material/radiology:"),
    ("pages/learn.py", "Learn", ":material/school:"),
    ("pages/evaluate.py", "Batch evaluation", ":material/analytics:"),
    ("pages/train.py", "Training", ":material/model_training:"),
    ("pages/models.py", "Models", ":material/deployed_code:"),
)
LOG_OFF = """<a href="sign-off" target="_self" style="color: inherit; font-size: 0.875rem">Log off</a>
<script src="watch.js"></script>"""
# Streamlit draws a row of a table at this height, and its header as well.
ROW_PIXELS = 35
# Streamlit leaves 6 rem above a page and cuts long words in tables. A film needs the room, and a hash needs its end.
# Streamlit's download of a table would hold file names, which can carry a patient's name.
STYLE = """<style>
[data-testid="stMainBlockContainer"] { padding-top: 4rem; padding-bottom: 2rem; }
[data-testid="stTable"] > div { overflow: visible; }
[data-testid="stTable"] table { table-layout: fixed; width: 100%; }
[data-testid="stTable"] td, [data-testid="stTable"] td * { overflow: visible !important;
  white-space: normal !important; overflow-wrap: anywhere !important; }
.st-key-threshold_table table { table-layout: auto; font-size: 0.8rem; }
.st-key-threshold_table :is(th, td) { padding: 0.2rem 0.35rem; }
.st-key-threshold_table :is(th, td, th *, td *) { text-align: right !important; }
:is([data-testid="stImageCaption"], [data-testid="stCaptionContainer"]) * { color: inherit !important; }
:is([data-testid="stImageCaption"], [data-testid="stCaptionContainer"]) { color: inherit !important;
  opacity: 1 !important; }
[data-testid="stElementToolbar"] button[aria-label^="Download as CSV"] { display: none; }
@media (max-width: 1000px) {
  [class*="st-key-stack_"] > div > .stHorizontalBlock { flex-direction: column; align-items: stretch;
    gap: 1rem; }
  [class*="st-key-stack_"] > div > .stHorizontalBlock > .stColumn { width: 100%; flex: auto; }
}
.legend { display: flex; flex-wrap: wrap; gap: 0.3rem 1.6rem; font-size: 0.9rem; margin: 0; }
.watched { table-layout: fixed; border-collapse: collapse; }
.watched :is(th, td) { padding: 0.15rem; text-align: left; font-weight: 400; vertical-align: top; font-size: 0.8rem; }
.watched img { width: 100%; display: block; }
.watched th span { display: block; overflow-wrap: anywhere; opacity: 0.75; }
h2 { font-size: 1.4rem !important; }
h3 { font-size: 1.1rem !important; }
h1 { font-size: 2rem !important; padding: 0.2rem 0 0.8rem !important; }
</style>"""

# White on the light blue of the dark theme is too pale to be read.
DARK_STYLE = """<style>
[data-testid^="stBaseButton-primary"]:not(:disabled) *,
[data-testid="stMultiSelectTagsContainer"] [data-tag] * { color: #0b1220 !important; }</style>"""


def frame(title: str) -> None:
    """Draw the parts common to all pages, and start to load the model."""
    st.set_page_config(page_title=f"{title} · Pneumo", page_icon=ICON, layout="wide")
    st.html(STYLE + DARK_STYLE if st.context.theme.type == "dark" else STYLE)
    with st.container(horizontal=True, vertical_alignment="center", key="menu"):
        for page, label, icon in MENU:
            st.page_link(page, label=label, icon=icon)
        if is_sign_in_asked_for():
            # The addresses are the guard's own; the script clears the screen after the idle time.
            st.html(LOG_OFF, width="content", unsafe_allow_javascript=True)
    st.title(title)
    st.warning(unless_refused(lambda: notice_of(card_of_active_model()), NOTICE), icon=":material/medical_information:")
    loading_classifier()


def rows_height(rows: int, most: int = 10) -> int:
    """Give the height in pixels of a table of at most `most` rows, none of them cut in half."""
    return ROW_PIXELS * (min(rows, most) + 1) + 2


def text_colour() -> str:
    """Give the colour of text in figures, readable on the page's background."""
    return "#e5e7eb" if st.context.theme.type == "dark" else "#1f2937"
