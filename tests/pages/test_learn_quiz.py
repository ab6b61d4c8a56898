"""The quiz on the page Learn: from the choice of films to the scoreboard, with nothing told before the answer."""

import csv
import dataclasses
import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from pages.parts.learn import quiz_view
from pneumo_core.files.places import DATA_VARIABLE, ROOT
from pneumo_core.learn.quiz import Quiz
from pneumo_core.models.card import read_card
from tests.conftest import drawn_film, png


def opened() -> AppTest:
    app = AppTest.from_file(ROOT / "app.py", default_timeout=60).run().switch_page("pages/learn.py")
    app.query_params["lesson"] = "quiz"
    return app.run()


def press(app: AppTest, label: str) -> AppTest:
    return next(button for button in app.button if button.label == label).click().run()


def reply(app: AppTest, says: str, confidence: int = 80) -> AppTest:
    app.radio(key="quiz_says").set_value(says)
    app.number_input(key="quiz_confidence").set_value(confidence)
    return press(app, "Answer and reveal")


def text(app: AppTest) -> str:
    return "\n".join(element.value for element in (*app.markdown, *app.header))


def state(app: AppTest) -> Quiz:
    return app.session_state["quiz"]


def on_the_page(app: AppTest) -> str:
    """Everything that the browser gets, protocol and all."""
    found, waiting = [], [app._tree]
    while waiting:
        node = waiting.pop()
        found.append(str(getattr(node, "proto", "")))
        waiting += getattr(node, "children", {}).values()
    return "\n".join(found)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make_data, tiny_model_in_use: Path) -> Path:
    """Open a folder of the server with four drawn films of each kind, which the tiny model does not know."""
    root = tmp_path / "open"
    for number in range(4):
        for kind, has_pneumonia in (("NORMAL", False), ("PNEUMONIA", True)):
            path = root / kind / f"Mueller_{number}_{has_pneumonia}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(png(drawn_film(has_pneumonia, 500 + 2 * number + has_pneumonia)))
    monkeypatch.setenv(DATA_VARIABLE, str(root))
    return root


def begun(app: AppTest, is_balanced: bool = True) -> AppTest:
    app.segmented_control(key="quiz_way").set_value("A folder of the server").run()
    press(app, "Take these X-rays")
    app.toggle(key="quiz_is_balanced").set_value(is_balanced).run()
    return press(app, "Start")


def test_a_whole_quiz_from_the_first_film_to_the_table_of_answers(folder: Path):
    app = begun(opened())
    assert not app.exception
    for number in range(8):
        assert f"**X-ray {number + 1} of 8**" in text(app)
        reply(app, "Yes" if state(app).question.has_pneumonia else "No", 90)
        assert not app.exception
        assert app.header[0].value == "You were right"
        assert f"Right so far, of {number + 1} X-ray" in text(app)
        press(app, "To the scoreboard" if number == 7 else "Next X-ray")
    assert app.header[0].value == "Scoreboard: 8 X-rays"
    rows = {row.iloc[0]: row.iloc[1:] for _, row in app.table[0].value.iterrows()}
    assert rows["Right (accuracy), %"]["You"] == "100.0 (67.6-100.0)"
    assert rows["With pneumonia"]["You"] == "4 found, 0 missed"
    assert rows["Brier score (0 is best)"]["You"] == "0.010"
    assert "You were right on 8 of 8 images, the network on " in text(app)
    download = app.get("download_button")[0]
    assert download.label == "Answers (CSV)"
    press(app, "Start again")
    assert "quiz" not in app.session_state
    # The folder need not be chosen again.
    assert app.segmented_control(key="quiz_way").value == "A folder of the server"
    assert any(button.label == "Start" for button in app.button)


def test_neither_name_nor_score_nor_label_is_on_the_page_before_the_answer(folder: Path, tiny_model: Path):
    app = begun(opened())
    reading = app.session_state["quiz_reading"]
    score = f"{100 * reading.prediction.probability:.1f}"
    page = on_the_page(app)
    assert "Pneumonia?" in page
    for told in ("Mueller", "NORMAL", "PNEUMONIA", ".png", score, "reference standard", "flagged", "evidence"):
        assert told not in page, told
    reply(app, "No", 60)
    page = on_the_page(app)
    for told in ("Mueller", score, "Reference standard", "flagged", "evidence"):
        assert told in page, told
    threshold = read_card(tiny_model).first.operating_point("balanced").threshold
    assert f"from {100 * threshold:.1f} % on" in text(app)
    press(app, "Next X-ray")
    assert "Mueller" not in on_the_page(app)


def test_an_answer_needs_a_side(folder: Path):
    app = begun(opened())
    press(app, "Answer and reveal")
    assert app.warning[-1].value == "Please choose yes or no."
    assert not state(app).is_revealed


def test_the_next_film_begins_without_the_answer_to_the_one_before(folder: Path):
    app = reply(begun(opened()), "Yes", 95)
    press(app, "Next X-ray")
    assert app.radio(key="quiz_says").value is None
    assert app.number_input(key="quiz_confidence").value == 75


def test_a_quiz_is_finished_at_any_time_and_counts_what_was_answered(folder: Path):
    app = reply(begun(opened()), "Yes")
    press(app, "Finish now")
    assert app.header[0].value == "Scoreboard: 1 X-ray"
    assert "too few to tell anything" in text(app)


def test_a_quiz_without_an_answer_has_no_table(folder: Path):
    app = press(begun(opened()), "Finish now")
    assert "No image was answered" in text(app)
    assert not app.table
    assert not app.get("download_button")


def test_a_film_that_is_refused_is_passed_over(folder: Path):
    (folder / "NORMAL" / "Schmidt.png").write_bytes(png(np.full((120, 120), 40, np.uint8)))
    (folder / "NORMAL" / "Meier.png").write_bytes(b"no film")
    app = begun(opened(), is_balanced=False)
    for _ in range(8):
        reply(app, "No")
        press(app, next(button.label for button in app.button if button.label in ("Next X-ray", "To the scoreboard")))
    assert state(app).is_over
    assert not app.exception
    assert app.header[0].value == "Scoreboard: 8 X-rays"
    assert "Passed over:" in text(app)
    assert "almost blank" in text(app)
    assert len(state(app).refusals) == 2
    assert "Schmidt" not in on_the_page(app)


def test_films_of_an_upload_and_those_left_out(tiny_model_in_use: Path):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for number in range(6):
            kind = "PNEUMONIA" if number % 2 else "NORMAL"
            archive.writestr(f"{kind}/Mueller_{number}.png", png(drawn_film(number % 2 == 1, 700 + number)))
        archive.writestr("Mueller_x.png", png(drawn_film(True, 799)))
        archive.writestr("NORMAL/PNEUMONIA/Mueller_y.png", png(drawn_film(True, 798)))
    app = opened()
    app.segmented_control(key="quiz_way").set_value("Files or a zip").run()
    app.file_uploader[0].upload("films.zip", content.getvalue(), "application/zip").run()
    press(app, "Take these X-rays")
    assert "1 X-ray without a label left out." in text(app)
    assert "it lies under both NORMAL and PNEUMONIA" in text(app).replace("\\", "")
    press(app, "Start")
    assert len(state(app).questions) == 6
    assert "Mueller" not in on_the_page(app)


def test_films_of_one_kind_are_asked_only_without_a_balance(tiny_model_in_use: Path):
    app = opened()
    app.segmented_control(key="quiz_way").set_value("Files or a zip").run()
    for number in range(2):
        app.file_uploader[0].upload(f"{number}.png", png(drawn_film(True, number)), "image/png")
    app.file_uploader[0].upload("labels.csv", b"file,label\n0.png,1\n1.png,1\n", "text/csv").run()
    press(app, "Take these X-rays")
    assert "images of both kinds and of two patients" in app.error[0].value
    app.toggle(key="quiz_is_balanced").set_value(False).run()
    assert not app.error
    press(app, "Start")
    assert len(state(app).questions) == 2


def test_the_samples_but_the_one_of_both_kinds_and_a_word_on_them(tiny_model_in_use: Path):
    app = opened()
    assert "The samples are synthetic" in text(app)
    app.toggle(key="quiz_is_balanced").set_value(False).run()
    press(app, "Start")
    assert len(state(app).questions) == 7
    assert "synthetic_" not in on_the_page(app)
    reply(app, "Yes")
    assert "synthetic\\_" in text(app)
    press(app, "Finish now")
    assert "The samples are synthetic" in text(app)


def test_films_that_the_model_knows_are_warned_of_and_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make_data, tiny_model_in_use: Path
):
    # Those that the tiny model was trained on.
    monkeypatch.setenv(DATA_VARIABLE, str(make_data(tmp_path / "known", 3, ("train",))))
    app = begun(opened())
    reply(app, "Yes")
    assert any("- The model was" in box.value and "- The file gives no age." in box.value for box in app.warning)
    press(app, "Finish now")
    assert any("trained on or validated with 1 of these X-rays" in warning.value for warning in app.warning)


def test_another_model_in_the_middle_ends_the_quiz_with_the_scores_of_the_first(
    folder: Path, monkeypatch: pytest.MonkeyPatch
):
    app = reply(begun(opened()), "Yes")

    def by_another(classifier, radiograph):
        reading = quiz_view_read(classifier, radiograph)
        return dataclasses.replace(reading, card=dataclasses.replace(reading.card, weights_sha256="cd" * 32))

    quiz_view_read = quiz_view.read_xray
    monkeypatch.setattr(quiz_view, "read_xray", by_another)
    press(app, "Next X-ray")
    assert app.header[0].value == "Scoreboard: 1 X-ray"


def test_file_names_are_in_the_table_only_if_ticked(folder: Path, monkeypatch: pytest.MonkeyPatch):
    tables: list[bytes] = []
    from pages.parts.learn import quiz_scores

    made = quiz_scores.answers_csv
    monkeypatch.setattr(quiz_scores, "answers_csv", lambda *given: tables.append(made(*given)) or tables[-1])
    app = press(reply(begun(opened()), "Yes"), "Finish now")
    assert b"Mueller" not in tables[-1]
    app.checkbox[0].check().run()
    (row,) = csv.DictReader(io.StringIO(tables[-1].decode()))
    assert "Mueller" in row["file"]
    assert row["reader_says_pneumonia"] == "1"
    assert row["reader_confidence"] == "0.80"
