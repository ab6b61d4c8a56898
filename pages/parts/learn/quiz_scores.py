"""The scores of a quiz: running, and at its end."""

from collections.abc import Callable

import streamlit as st

from pages.parts.learn.population import card_to_learn_from
from pages.parts.shared.problems import plain
from pneumo_core.data import SourceFilm
from pneumo_core.evaluate import content_name
from pneumo_core.learn import Quiz, Scoreboard, answers_csv, findings, scoreboard
from pneumo_core.stats import ConfusionMatrix, percent
from pneumo_core.wording import counted

WHO = ("You", "Network", "Both together")


def running_score(quiz: Quiz) -> None:
    """Draw in one line how often each side was right so far."""
    board = scoreboard(quiz.answers, quiz.threshold)
    rights = ", ".join(f"{who.lower()} {right}" for who, right in zip(WHO, board.right, strict=True))
    st.markdown(f"Right so far, of {counted(board.n, 'X-ray')}: {rights}.")


def quiz_scores(quiz: Quiz, films: tuple[SourceFilm, ...], note: str, start_again: Callable[[], None]) -> None:
    """Draw the scoreboard of a quiz that is over.

    Args:
        note: a remark on the films; "" for none.
    """
    board = scoreboard(quiz.answers, quiz.threshold)
    st.header(f"Scoreboard: {counted(board.n, 'X-ray')}")
    if card_to_learn_from().identity != quiz.model:
        st.info(
            "Another model came in use. The scores are those of the model that the quiz began with. X-rays without an "
            "answer before the change are left out.",
            icon=":material/swap_horiz:",
        )
    st.markdown("\n".join(f"- {finding}" for finding in (*findings(board), *([note] if note else []))))
    if board.known:
        st.warning(
            f"The network was trained on or validated with {board.known} of these X-rays. On them neither its score "
            "nor that of both together is a test.",
            icon=":material/history_edu:",
        )
    if quiz.refusals:
        st.markdown("Passed over:\n" + "\n".join(f"- {plain(refusal)}" for refusal in quiz.refusals))
    if board.n:
        _table(board)
        st.markdown(
            f"Brackets hold 95 % intervals (Wilson). The network flags from {100 * quiz.threshold:.1f} % on, its "
            "balanced operating point. 'Both together' adds the log odds that you stated and those of the network, "
            "counted from its threshold (a logarithmic opinion pool). A sum above 0 means pneumonia."
        )
    with st.container(horizontal=True, vertical_alignment="center"):
        if board.n:
            _download(quiz, films)
        # The button has no shortcut: the key that led here, pressed twice, would throw the scores away.
        st.button("Start again", icon=":material/replay:", on_click=start_again)


def _table(board: Scoreboard) -> None:
    matrices = (board.reader, board.network, board.both)
    st.table(
        [
            _row("Right (accuracy), %", *(percent(matrix.accuracy) for matrix in matrices)),
            _row("Sensitivity, %", *(percent(matrix.sensitivity) for matrix in matrices)),
            _row("Specificity, %", *(percent(matrix.specificity) for matrix in matrices)),
            _row("With pneumonia", *(_of_sick(matrix) for matrix in matrices)),
            _row("Without pneumonia", *(_of_well(matrix) for matrix in matrices)),
            _row("Brier score (0 is best)", f"{board.reader_brier:.3f}", f"{board.network_brier:.3f}", "none stated"),
            _row("Median time per X-ray", f"{board.seconds:.1f} s", "", ""),
        ],
        alt="Scores of the reader, the network, and both together",
    )


def _download(quiz: Quiz, films: tuple[SourceFilm, ...]) -> None:
    with_names = st.checkbox("File names in the table of answers", help="File names can carry a patient's name.")
    table = answers_csv(quiz, [film.name for film in films] if with_names else None)
    st.download_button(
        "Answers (CSV)",
        table,
        content_name(table, "csv"),
        "text/csv",
        on_click="ignore",
        icon=":material/download:",
    )


def _row(label: str, reader: str, network: str, both: str) -> dict[str, str]:
    return {"": label, **dict(zip(WHO, (reader, network, both), strict=True))}


def _of_sick(matrix: ConfusionMatrix) -> str:
    return f"{matrix.true_positives} found, {matrix.false_negatives} missed"


def _of_well(matrix: ConfusionMatrix) -> str:
    return f"{matrix.true_negatives} passed, {counted(matrix.false_positives, 'false alarm')}"
