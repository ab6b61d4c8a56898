"""The figures of the documents come from the model's card and from records; none is typed by hand."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from benchmarks import tables
from benchmarks.record import RECORDS, Machine, Record, Table
from pneumo_core.files.places import ROOT
from pneumo_core.models.card import ModelCard, active_model_folder, read_card
from pneumo_core.models.populations import Population
from pneumo_core.models.results import GroupCount, Groups

MEMORY = Table("Memory", ("films", "MiB"), ((1, 900), (10_000, 1200)))
SPEED = Table("Speed", ("work", "films/s"), (("network", 80.5),))


@pytest.fixture(scope="module")
def card() -> ModelCard:
    shipped = read_card(active_model_folder(ROOT / "model"))
    return replace(shipped, populations=(shipped.first,))


def record(card: ModelCard, *found: Table) -> Record:
    machine = Machine("a processor", 2, 8.0, "Linux", 0.1, None)
    return Record("batch", "2026-01-02", None, machine, {"python": "3.13"}, card.name, card.weights_sha256, found)


def test_the_documents_are_as_they_would_be_written_now():
    found = [str(path.relative_to(ROOT)) for path in tables.outdated()]
    assert not found, f"please run python -m benchmarks.tables: {found}"


def test_what_was_written_is_written_the_same_again(card: ModelCard):
    once = tables.rewritten("<!-- figures:test-results -->\n<!-- end -->\n", card, {})
    assert once.count("| balanced |") == len(card.first.test)
    assert tables.rewritten(once, card, {}) == once


def test_a_figure_typed_by_hand_does_not_stay(card: ModelCard):
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    block = tables.BLOCK.search(readme)
    assert block is not None
    typed = readme.replace(block[0], re.sub(r"\d", "9", block[0]))
    assert typed != readme
    restored = tables.rewritten(typed, card, {})
    assert tables.rewritten(readme, card, {}) == restored


def test_a_record_stands_whole_or_by_one_of_its_tables(card: ModelCard):
    records = {"batch": record(card, MEMORY, SPEED)}
    whole = tables.recorded("batch", card, records)
    assert {"**Memory**", "| 10,000 | 1,200 |", "| network | 80.5 |"} <= set(whole)
    assert whole[-1].startswith("*2026-01-02; a processor, 2 cores") and "python 3.13" in whole[-1]
    part = tables.recorded("batch/Speed", card, records)
    assert part[:3] == SPEED.markdown()
    assert "1,200" not in "".join(part)
    with pytest.raises(KeyError, match="batch has no table 'Time'"):
        tables.recorded("batch/Time", card, records)


def test_tables_of_two_copies_are_one(card: ModelCard):
    copies = [replace(SPEED, title=f"test, {copy}: Speed") for copy in ("one", "two")]
    lines = tables.recorded("batch/Speed", card, {"batch": record(card, *copies, MEMORY)})
    assert {"**test, one: Speed**", "**test, two: Speed**"} <= set(lines)
    assert "1,200" not in "".join(lines)


def test_figures_of_another_model_are_said_to_be(card: ModelCard):
    other = replace(record(card, SPEED), weights_sha256="0" * 64)
    assert tables.recorded("batch", card, {"batch": other})[-1].endswith("**not the model in use***")
    assert "not the model" not in tables.recorded("batch", card, {"batch": record(card, SPEED)})[-1]


def test_what_was_not_measured_is_said_to_be_missing(card: ModelCard):
    assert tables.recorded("batch", card, {}) == ["*Not measured yet.*"]


@pytest.mark.parametrize(
    "text",
    [
        "<!-- figures:published -->\nno end",
        "<!-- figures:published -->\n<!-- figures:test-results -->\n<!-- end -->\n",
    ],
)
def test_a_block_without_an_end_is_refused(card: ModelCard, text: str):
    with pytest.raises(ValueError, match="no end"):
        tables.rewritten(text, card, {})


def test_every_record_is_shown():
    text = (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    for path in RECORDS.glob("*.json"):
        assert f"<!-- figures:{path.stem} -->" in text


def test_a_check_names_what_would_change_and_writes_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr(tables, "ROOT", tmp_path)
    document = tmp_path / "README.md"
    document.write_text("before", encoding="utf-8")
    monkeypatch.setattr(tables, "documents", lambda: {document: "after"})
    result = CliRunner().invoke(tables.main, ["--check"])
    assert (result.exit_code, result.output) == (1, "outdated: README.md\n")
    assert document.read_text(encoding="utf-8") == "before"
    assert CliRunner().invoke(tables.main, []).output == "written: README.md\n"
    assert CliRunner().invoke(tables.main, ["--check"]).exit_code == 0


@pytest.fixture(scope="module")
def of_two(card: ModelCard) -> ModelCard:
    groups = Groups(normal=GroupCount(7, 100), other=GroupCount(30, 60))
    (result, *_), points = card.first.test, card.first.operating_points
    measured = replace(result, films="adults' test", points=tuple(replace(one, groups=groups) for one in result.points))
    adults = Population(
        "adults",
        "adults of one hospital",
        (18, 120),
        card.first.calibration,
        points,
        card.first.training_data,
        (measured,),
        (),
        "suspected lung opacity",
    )
    return replace(card, populations=(card.first, adults))


def test_figures_stand_by_population_where_a_model_has_several(card: ModelCard, of_two: ModelCard):
    assert tables.balanced_point(of_two)[0].startswith("| patients | images | n (with finding)")
    # Without test images those of the validation stand, and say so.
    assert [row.split(" | ")[:2] for row in tables.balanced_point(of_two)[2:]] == [
        *(["| children", result.films] for result in card.first.test),
        ["| adults", "adults' test"],
    ]
    for lines in (tables.results_on_test_films, tables.operating_points):
        assert {"**children**", "**adults**"} <= set(lines(of_two))
        assert "**children**" not in lines(card)


def test_the_limits_give_what_is_flagged_of_each_group(card: ModelCard, of_two: ModelCard):
    said = "\n".join(tables.limits(of_two))
    assert "**adults, 18 years and over**: adults of one hospital. A flag says suspected lung opacity." in said
    assert "7.0 (3.4-13.7) % of 100 normal images and 50.0 (37.7-62.3) % of 60 images with other" in said
    # That healthy adults are flagged is said of a model that does not know them.
    assert ["Healthy adults" in "\n".join(tables.limits(one)) for one in (card, of_two)] == [True, False]
