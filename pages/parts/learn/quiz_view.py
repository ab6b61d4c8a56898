"""Read first, then reveal: the reader against the network, and both together."""

import streamlit as st

from pages.parts.learn.population import card_to_learn_from, classifier_to_learn_from
from pages.parts.learn.quiz_scores import quiz_scores, running_score
from pages.parts.shared.named import anew
from pages.parts.shared.problems import plain, problems_shown
from pages.parts.shared.source_intake import FILES, FOLDER, SERVER, ask_for_source
from pages.parts.shared.viewer_box import viewer_box
from pages.parts.shared.warnings_box import warnings_box
from pneumo_core.data import Source, SourceFilm
from pneumo_core.draw import Display
from pneumo_core.learn import (
    LEAST_CONFIDENCE,
    MOST_CONFIDENCE,
    Quiz,
    draw_quiz,
    most_questions,
    read_film,
    sample_films,
)
from pneumo_core.read import Reading, read_xray
from pneumo_core.wording import counted

SAMPLES = "The samples"
CHOSEN, FILMS, NOTE, QUIZ, READING = "quiz_chosen", "quiz_films", "quiz_note", "quiz", "quiz_reading"
SAMPLES_NOTE = (
    "The samples are synthetic. Each is the mean of several X-rays of the public data set that the shipped network was "
    "trained on. Its reference standard is the kind of these X-rays; one sample of both kinds is left out. The samples "
    "show how the quiz works. A score on them says nothing about patients."
)
USUAL_COUNT = 20
SCREEN_LONG_SIDE = 1000
SIDES = {"Yes": True, "No": False}


# Streamlit draws the name of a button's key too pale to be read.
STYLE = """<style>
.stButton kbd, .stFormSubmitButton kbd { color: inherit !important; opacity: 1 !important; }
</style>"""


def quiz_view() -> None:
    """Draw the lesson: the choice of films, one film after another, the scoreboard."""
    st.html(STYLE)
    _quiz()


@st.fragment
def _quiz() -> None:
    # A fragment runs again by itself, outside the block that drew it.
    with problems_shown():
        quiz = _with_film_read()
        if quiz is None:
            _choice()
        elif quiz.is_over:
            quiz_scores(quiz, st.session_state[FILMS], st.session_state[NOTE], _start_again)
        else:
            _film(quiz, st.session_state[READING])


# The choice of films


def _choice() -> None:
    st.markdown(
        "You see each X-ray without score or heat map. You say whether you suspect pneumonia and how sure you are. "
        "Then the page shows the reference standard, the network's score and its heat map. A scoreboard at the end "
        "shows how often each side was right. **Nothing is stored: reloading the page loses the quiz.**"
    )
    with st.container(key="stack_quiz_choice"):
        left, right = st.columns(2, gap="large")
    with left:
        way = st.segmented_control(
            "Where are the X-rays?",
            [SAMPLES, FILES, FOLDER, SERVER],
            default=SAMPLES,
            required=True,
            key="quiz_way",
            persist_state="session",
        )
        source = None if way == SAMPLES else _own_films(way)
    with right, problems_shown():
        if way == SAMPLES:
            _start(sample_films(), SAMPLES_NOTE)
            st.markdown(SAMPLES_NOTE)
        elif source is not None:
            _start(source.films, "")
            _left_out(source)


def _own_films(way: str) -> Source | None:
    source = ask_for_source(way, "Take these X-rays")
    st.markdown(
        "Labels come from folders named `NORMAL` and `PNEUMONIA`, or from a CSV with the columns `file,label`. Your "
        "uploads stay in this session's memory. No file name is shown before your answer."
    )
    if source is not None:
        st.session_state[CHOSEN] = (way, source)
    chosen_way, chosen = st.session_state.get(CHOSEN, (None, None))
    return chosen if chosen_way == way else None


def _start(films: tuple[SourceFilm, ...], note: str) -> None:
    is_balanced = st.toggle(
        "As many X-rays with pneumonia as without",
        value=True,
        key="quiz_is_balanced",
        help="With equal numbers the last answers can be guessed by counting. Switch it off to draw at random.",
    )
    most = most_questions(films, is_balanced)
    count = st.number_input(
        f"How many X-rays? At most {most}, one of each patient.",
        min_value=2 if is_balanced else 1,
        max_value=most,
        value=min(USUAL_COUNT, most),
        step=2 if is_balanced else 1,
        key=f"quiz_count_{is_balanced}_{most}",
    )
    if st.button("Start", type="primary", icon=":material/play_arrow:"):
        card = card_to_learn_from()
        threshold = card.first.operating_point("balanced").threshold
        st.session_state[FILMS], st.session_state[NOTE] = films, note
        st.session_state[QUIZ] = draw_quiz(films, count, is_balanced, threshold, card.identity)
        st.rerun()


def _left_out(source: Source) -> None:
    unlabelled = sum(film.has_pneumonia is None for film in source.films)
    if unlabelled:
        st.markdown(f"{counted(unlabelled, 'X-ray')} without a label left out.")
    # The list has no names, since one may be the name of a film in the quiz.
    if source.nameless_problems:
        with st.expander(
            f"Left out or without a label: {counted(len(source.nameless_problems), 'sentence')}",
            icon=":material/block:",
        ):
            st.markdown("\n".join(f"- {plain(problem)}" for problem in source.nameless_problems))
    if source.notes:
        st.info("\n".join(f"- {plain(note)}" for note in source.notes), icon=":material/fact_check:")


def _start_again() -> None:
    for name in (QUIZ, READING, FILMS, NOTE):
        st.session_state.pop(name, None)


# One film


def _with_film_read() -> Quiz | None:
    """Give the quiz with its present film read, or the finished quiz; None before it has begun."""
    quiz: Quiz | None = st.session_state.get(QUIZ)
    if quiz is None or quiz.is_over or READING in st.session_state:
        return quiz
    quiz, reading = read_film(
        quiz, st.session_state[FILMS], lambda radiograph: read_xray(classifier_to_learn_from(), radiograph)
    )
    if reading is not None and reading.card.identity != quiz.model:
        # Another model came in use, and its scores must not mix with those of the model before.
        quiz = quiz.finished()
    st.session_state[QUIZ], st.session_state[READING] = quiz, reading
    return quiz


def _film(quiz: Quiz, reading: Reading) -> None:
    with st.container(key="stack_quiz"):
        pictures, answers = st.columns([5, 3], gap="large")
    with pictures:
        _pictures(quiz, reading)
    with answers, anew(quiz.place, quiz.is_revealed, reading.card.identity):
        st.markdown(f"**X-ray {quiz.place + 1} of {len(quiz.questions)}**")
        if quiz.is_revealed:
            _reveal(quiz, reading)
        else:
            _ask(quiz)
        with st.container(horizontal=True):
            if quiz.is_revealed:
                is_last = quiz.place + 1 == len(quiz.questions)
                st.button(
                    "To the scoreboard" if is_last else "Next X-ray",
                    type="primary",
                    icon=":material/arrow_forward:",
                    on_click=_go_to,
                    args=(quiz.next_film(),),
                    shortcut="Enter",
                )
            st.button("Finish now", icon=":material/flag:", on_click=_go_to, args=(quiz.finished(),))
        if quiz.refusals:
            st.markdown("Passed over:\n" + "\n".join(f"- {plain(refusal)}" for refusal in quiz.refusals))
        st.markdown("The quiz is kept in this session only: reloading the page loses it.")
    # The clock starts only now, so that the time for reading and drawing the film does not count.
    st.session_state[QUIZ] = quiz.shown()


def _pictures(quiz: Quiz, reading: Reading) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        is_inverted = st.toggle("Invert grey scale", key="quiz_is_inverted", persist_state="session")
        with st.popover("Window", icon=":material/tune:"):
            level = st.slider("Level", 0.0, 1.0, 0.5, 0.01, key="quiz_level", persist_state="session")
            width = st.slider("Width", 0.05, 1.0, 1.0, 0.01, key="quiz_width", persist_state="session")
    display = Display(level, width, is_inverted)
    viewer_box(reading, display, quiz.is_revealed, SCREEN_LONG_SIDE, "quiz_viewer", f"film {quiz.place}", "62vh")
    if quiz.is_revealed:
        st.markdown(
            "The heat map is blank: the network found no evidence in favour."
            if reading.explanation.is_blank
            else "Bright areas: the network found evidence there. They are no outline of a lesion."
        )


def _ask(quiz: Quiz) -> None:
    with st.form(f"quiz_form_{quiz.place}", border=False):
        said = st.radio("Pneumonia?", list(SIDES), index=None, horizontal=True, key="quiz_says")
        # A number's field and no slider: Enter sends the answer there.
        st.number_input(
            "How sure are you, %? 50 is a coin's toss.",
            round(100 * LEAST_CONFIDENCE),
            round(100 * MOST_CONFIDENCE),
            75,
            step=5,
            key="quiz_confidence",
        )
        is_sent = st.form_submit_button(
            "Answer and reveal", type="primary", icon=":material/visibility:", on_click=_answer
        )
    if is_sent and said is None:
        st.warning("Please choose yes or no.", icon=":material/info:")


def _answer() -> None:
    quiz, reading = st.session_state[QUIZ], st.session_state[READING]
    said = st.session_state["quiz_says"]
    if said is not None:
        st.session_state[QUIZ] = quiz.answered(
            SIDES[said],
            st.session_state["quiz_confidence"] / 100,
            reading.prediction.probability,
            reading.radiograph.sha256,
            reading.known_from is not None,
        )


def _reveal(quiz: Quiz, reading: Reading) -> None:
    answer = quiz.answers[-1]
    truth = answer.question.has_pneumonia
    both = answer.is_flagged_by_both(quiz.threshold)
    flagged = answer.is_flagged(quiz.threshold)
    st.header(f"You were {_right(answer.says_pneumonia == truth)}")
    st.markdown(
        f"""
- **Reference standard:** {"pneumonia" if truth else "no pneumonia"}
- **You:** {"pneumonia" if answer.says_pneumonia else "no pneumonia"}, {100 * answer.confidence:.0f} % sure, in
  {answer.seconds:.0f} s: {_right(answer.says_pneumonia == truth)}
- **Network:** {100 * answer.probability:.1f} %, {"flagged" if flagged else "not flagged"} (balanced operating point,
  from {100 * quiz.threshold:.1f} % on): {_right(flagged == truth)}
- **Both together:** {"pneumonia" if both else "no pneumonia"}: {_right(both == truth)}
- **File:** {plain(st.session_state[FILMS][answer.question.number].name)}
"""
    )
    warnings_box(reading.warnings)
    running_score(quiz)


def _go_to(quiz: Quiz) -> None:
    st.session_state[QUIZ] = quiz
    st.session_state.pop(READING, None)
    for name in ("quiz_says", "quiz_confidence"):
        st.session_state.pop(name, None)


def _right(is_right: bool) -> str:
    return "right" if is_right else "wrong"
