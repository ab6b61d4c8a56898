"""Pictures and figures of a training run: augmented films, heat maps by epoch, curves."""

from pathlib import Path

import numpy as np
import pytest

from pneumo_core.errors import UnreadableImageError
from pneumo_core.train.figures import legend_html, training_charts
from pneumo_core.train.pictures import augmented_sheet, watched_films, watched_table
from pneumo_core.train.plan import Recipe
from tests.conftest import drawn_film, png

FIGURES = {"loss": 0.5, "accuracy": 0.8, "auc": 0.9, "sensitivity": 0.2, "specificity": 1.0}


def entry(epoch: int, best: str | None = None) -> dict:
    """An epoch as the log holds it, with averaged weights, of two watched films."""
    watched = [
        {"name": name, "has_pneumonia": label, "logit": epoch / 10, "map": [[0.0, 1.0], [0.0, 0.0]]}
        for name, label in (("NORMAL/<b>.png", False), ("PNEUMONIA/gone.png", True))
    ]
    found = {"epoch": epoch, "learning_rate": 1e-3, "training": FIGURES, "attention": watched}
    parts = {"validation": FIGURES, "validation_averaged": FIGURES | {"auc": 0.95}}
    return found | parts | ({"best": best} if best else {})


@pytest.fixture
def films(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / "NORMAL" / "<b>.png", tmp_path / "PNEUMONIA" / "c.png"]
    for number, path in enumerate(paths):
        path.parent.mkdir()
        path.write_bytes(png(drawn_film(number == 1, number)))
    return paths


def test_a_row_begins_with_the_film_itself_and_strength_0_repeats_it(films: list[Path]):
    sheet = augmented_sheet(films, Recipe(size=32, augmentation_strength=0.0), 2)
    side = (sheet.shape[0] - 6) // 2
    assert sheet.shape == (2 * side + 6, 3 * side + 12)
    assert (sheet[:side, :side] == sheet[:side, side + 6 : 2 * side + 6]).all()
    changed = augmented_sheet(films, Recipe(size=32), 2)
    assert (changed[:side, :side] == sheet[:side, :side]).all()
    assert not (changed[:side, side + 6 : 2 * side + 6] == sheet[:side, :side]).all()
    assert (augmented_sheet(films, Recipe(size=32), 2) == changed).all()


def test_a_film_that_cannot_be_read_is_refused(tmp_path: Path):
    (tmp_path / "broken.png").write_bytes(b"no film")
    with pytest.raises(UnreadableImageError):
        augmented_sheet([tmp_path / "broken.png"], Recipe(size=32))


def test_the_latest_epochs_are_shown_and_a_film_that_is_gone_is_black(films: list[Path]):
    shown = watched_films([entry(epoch) for epoch in range(1, 9)], films[0].parent.parent)
    assert [film.has_pneumonia for film in shown] == [False, True]
    assert [epoch for epoch, _, _ in shown[0].pictures] == [3, 4, 5, 6, 7, 8]
    assert shown[0].pictures[0][1:] != shown[1].pictures[0][1:]
    table = watched_table(shown)
    assert table.count("<img") == 12
    assert "<b>.png" not in table
    assert "&lt;b&gt;.png under its heat map after epoch 8" in table
    assert "logit +0.80" in table


def test_without_heat_maps_there_is_no_table(tmp_path: Path):
    assert watched_table(watched_films([entry(1) | {"attention": []}], tmp_path)) == ""


def test_curves_show_training_validation_averaged_weights_and_what_is_kept():
    charts = training_charts([entry(1, "validation"), entry(2, "validation_averaged"), entry(3)], 5, "#000")
    assert [chart.title for chart in charts] == [
        "Loss",
        "Area under the ROC curve",
        "Accuracy",
        "Sensitivity",
        "Specificity",
        "Learning rate",
    ]
    lines = {trace.name: trace for trace in charts[1].figure.data}
    assert list(lines["training, augmented"].y) == 3 * [0.9]
    assert (list(lines["kept"].x), list(lines["kept"].y)) == ([2], [0.95])
    assert len({trace.line.dash for name, trace in lines.items() if name != "kept"}) == 3
    assert "validation, averaged weights 0.950" in charts[1].alt
    # Low figures are not cut off.
    assert charts[3].figure.layout.yaxis.range[0] < 0.2
    assert all(name in legend_html() for name in lines if name != "kept")


def test_the_log_of_a_run_that_went_on_keeps_its_epochs_numbers():
    charts = training_charts([entry(epoch) for epoch in (1, 2, 3)], 3, "#000")
    assert list(charts[0].figure.data[0].x) == [1, 2, 3]
    assert np.isfinite(charts[0].figure.layout.xaxis.range).all()
