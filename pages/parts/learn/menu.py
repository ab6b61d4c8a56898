"""The lessons of the page Learn: chosen in a list, or named by the page's address."""

import streamlit as st

# A lesson's name in the address, and its title, in the order of an hour's teaching.
LESSONS = {
    "grad-cam": "1. Grad-CAM, step by step",
    "methods": "2. Which method?",
    "trust": "3. Can the picture be trusted?",
    "what-if": "4. What if?",
    "threshold": "5. Threshold",
    "prevalence": "6. Prevalence",
    "file-size": "7. Beat the file size",
    "two-splits": "8. Two splits",
    "calibration": "9. Calibration",
    "uncertain": "10. Saying uncertain",
    "bacterial-viral": "11. Bacterial or viral",
    "another-age": "12. Another hospital, another age",
    "shortcuts": "13. Shortcuts by mask and view",
    "quiz": "14. Read first, then reveal",
}
PRESENTER_STYLE = """<style>
html { font-size: 22px; }
.st-key-menu, h1 { display: none !important; }
[data-testid="stMainBlockContainer"] { padding-top: 1rem; }
[data-testid="stHeader"] { display: none; }
.js-plotly-plot text, #js-plotly-tester text { font-size: 18px !important; }
[data-testid="stAlertContainer"] p { font-size: 0.85rem; }
</style>"""
# A lesson must fit a screen.
LESSON_STYLE = """<style>
[data-testid="stMainBlockContainer"] { padding-top: 2.2rem; padding-bottom: 1rem; }
[data-testid="stHeader"] { height: 2.2rem; min-height: 2.2rem; background: transparent; }
[data-testid="stMainBlockContainer"] > div > .stVerticalBlock { gap: 0.6rem; }
h1 { display: none; }
.st-key-stack_step .stElementContainer, .st-key-stack_step [data-testid="stFullScreenFrame"],
.st-key-stack_step [data-testid="stFullScreenFrame"] > *, [data-testid="stImage"], [data-testid="stImage"] * {
  max-width: 100% !important; }
[data-testid="stImage"] img { height: auto; }
[data-testid="stSliderTickBar"] { display: none; }
[data-testid="stAlertContainer"] { padding: 0.5rem 0.8rem; }
:is([class*="st-key-methods_"], .st-key-trust_checks) p { font-size: 0.88rem; line-height: 1.35; }
</style>"""


def chosen_by_address(name: str, allowed: list[str], refusal: str) -> str | None:
    """Give the wish in the page's address once: when it is opened, and after the browser's back and forward.

    Args:
        name: the parameter of the address.
        allowed: the names that may stand there.
        refusal: a sentence for anything else.
    """
    asked = st.query_params.get(name)
    if asked is None or asked == st.session_state.get(f"{name}_in_address"):
        return None
    st.session_state[f"{name}_in_address"] = asked
    if asked in allowed:
        return asked
    st.error(f"{refusal} Please choose one.", icon=":material/error:")
    return None


def put_into_address(name: str, value: str | None) -> None:
    """Write a part of the page's address; None takes it out."""
    st.session_state[f"{name}_in_address"] = value
    if value is None:
        st.query_params.pop(name, None)
    else:
        st.query_params[name] = value


def is_presented() -> bool:
    """True in the presenter view."""
    presented: bool = st.session_state["presenter"]
    return presented


def chosen_lesson() -> str:
    """Draw the list of lessons and the switch to the presenter view; give the lesson's name in the address."""
    st.html(LESSON_STYLE)
    asked = chosen_by_address("lesson", list(LESSONS), "There is no lesson of the name in the address.")
    if asked is not None:
        st.session_state["lesson"] = asked
    st.session_state.setdefault("lesson", next(iter(LESSONS)))
    lesson: str = st.selectbox(
        "Lesson", list(LESSONS), format_func=LESSONS.__getitem__, key="lesson", persist_state="session", width=300
    )
    st.toggle(
        "Presenter view",
        key="presenter",
        bind="query-params",
        help="Large type for a projector, without menu and title.",
    )
    put_into_address("lesson", lesson)
    if is_presented():
        st.html(PRESENTER_STYLE)
    return lesson
