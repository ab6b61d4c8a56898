"""Write the figures of the documents from the model's card and from what benchmarks have recorded.

    python -m benchmarks.tables [--check]

In README.md and docs/*.md everything between `<!-- figures:NAME -->` and `<!-- end -->` is written anew, and so is the
shipped model's MODEL_CARD.md. NAME is one of `OF_CARD`, the name of a record in docs/benchmarks, or one with the title
of a table in it (`batch/Growth`). `--check` writes nothing and fails where a document is not as it would be written.
"""

import re
from collections.abc import Callable, Mapping
from pathlib import Path

import click

from benchmarks.record import RECORDS, Record, Table, read_record
from pneumo_core.files import ROOT, write_whole
from pneumo_core.models import (
    CARD_TEXT_FILE,
    ModelCard,
    Population,
    active_model_folder,
    card_text,
    gate_in_words,
    read_card,
    result_table,
    thresholds_in_words,
)
from pneumo_core.stats import area, percent, proportion

BLOCK = re.compile(r"(?P<start><!-- figures:(?P<name>[^>]+) -->\n).*?(?P<end><!-- end -->)", re.DOTALL)
START = "<!-- figures:"
# In years. A population whose oldest may be this old has no upper limit, in words.
GROWN_UP, VERY_OLD = 18, 100
# On the same 624 test images: accuracy, sensitivity, specificity in percent, area under the ROC curve.
PUBLISHED = (
    ("Kermany et al. (Cell 172:1122, 2018)", "92.8", "93.2", "90.1", "0.968"),
    (
        "Google AutoML Vision, of 28 x 28 pixels (MedMNIST v2, Sci Data 10:41, 2023)",
        "94.6",
        "not given",
        "not given",
        "0.991",
    ),
)


def results_on_test_films(card: ModelCard) -> list[str]:
    """Give the figures of the card's test films, population by population."""
    return _by_population(card, lambda population: result_table(population.test, population.condition))


def operating_points(card: ModelCard) -> list[str]:
    """Say where the operating points lie, in percent, and what each was chosen for, population by population."""

    def points(population: Population) -> list[str]:
        thresholds = thresholds_in_words(population.operating_points)
        return [
            f"- {threshold} %: {point.chosen_for}"
            for point, threshold in zip(population.operating_points, thresholds, strict=True)
        ]

    return _by_population(card, points)


def where_the_card_is(card: ModelCard) -> list[str]:
    """Name the shipped model's card, from README."""
    return [
        f"The [model card](model/{card.name}/{CARD_TEXT_FILE}) of `{card.name}` gives all figures, the recipe and the "
        "limits. It is generated from `card.json`."
    ]


def balanced_point(card: ModelCard) -> list[str]:
    """Give the figures of the balanced operating point in short, population by population.

    They are of test films, and of validation films where a population has no test films.
    """
    is_one = len(card.populations) == 1
    rows = tuple(
        (
            *(() if is_one else (population.name,)),
            result.films,
            f"{result.n} ({result.n_pneumonia})",
            area(result.area_under_roc),
            percent(point.confusion.sensitivity),
            percent(point.confusion.specificity),
        )
        for population in card.populations
        for result in population.test or population.validation[:1]
        for point in result.points
        if point.name == "balanced"
    )
    columns = ("images", f"n (with {'pneumonia' if is_one else 'finding'})", "AUC", "sensitivity %", "specificity %")
    return Table("", columns if is_one else ("patients", *columns), rows).markdown()


def limits(card: ModelCard) -> list[str]:
    """Say for whom the figures hold, and what a flag means for others."""
    lines = []
    for population in card.populations:
        youngest, oldest = population.years
        years = f"{youngest:.0f} years and over" if oldest >= VERY_OLD else f"{youngest:.0f} to {oldest:.0f} years"
        lines.append(f"- **{population.name}, {years}**: {population.description}. A flag says {population.finding}.")
        for result in population.test or population.validation[:1]:
            groups = next(point.groups for point in result.points if point.name == "balanced")
            flagged = [
                f"{percent(proportion(count.flagged, count.n))} % of {count.n} {words}"
                for count, words in (
                    ((groups.normal, "normal images"), (groups.other, "images with other abnormalities"))
                    if groups
                    else ()
                )
                if count
            ]
            if flagged:
                lines.append(f"  - {result.films}: the balanced point flags {' and '.join(flagged)}.")
    if any(population.years[1] >= GROWN_UP for population in card.populations):
        lines += [
            "- **Adult opacities were learned from lungs**: from images that show the lungs alone, and from lungs laid "
            "into another adult's image. No whole adult image with an opacity that a radiologist named was at hand.",
            "- **Ages without figures**: an infant under 1 year gets no verdict. Between the populations both are "
            "asked, and a caution says that this age was not measured.",
        ]
    else:
        lines.append(
            "- **Healthy adults are flagged**: 143 of 299 normal adult X-rays (NIH; 47.8 %, 42.2-53.5). 107 of them "
            "get the warning that they lie far from the known images."
        )
    return lines


def published(card: ModelCard) -> list[str]:
    """Set the best published results on the test films beside those of the balanced point."""
    ours = tuple(
        (
            f"{card.name}, {point.name} point, {result.films}",
            percent(point.confusion.accuracy),
            percent(point.confusion.sensitivity),
            percent(point.confusion.specificity),
            area(result.area_under_roc),
        )
        for result in card.first.test
        for point in result.points
        if point.name == "balanced"
    )
    return Table("", ("who", "accuracy %", "sensitivity %", "specificity %", "AUC"), PUBLISHED + ours).markdown()


OF_CARD: dict[str, Callable[[ModelCard], list[str]]] = {
    "balanced-point": balanced_point,
    "test-results": results_on_test_films,
    "operating-points": operating_points,
    "limits": limits,
    "model-card": where_the_card_is,
    "published": published,
}


def _by_population(card: ModelCard, lines: Callable[[Population], list[str]]) -> list[str]:
    """Give lines of each population, under its name where there are several."""
    if len(card.populations) == 1:
        return lines(card.first)
    found = []
    for population in card.populations:
        found += ["", f"**{population.name}**", "", *lines(population)]
    return found[1:]


def recorded(name: str, card: ModelCard, records: Mapping[str, Record]) -> list[str]:
    """Give a record's tables, or those of one title, and where they were measured.

    Raises:
        KeyError: the record has no table of this title.
    """
    of, _, title = name.partition("/")
    if of not in records:
        return ["*Not measured yet.*"]
    record = records[of]
    # "test, chest_xray: summary" and "test, chest_xray_nearest: summary" are one table of two copies.
    tables = [table for table in record.tables if title in ("", table.title.rpartition(": ")[2])]
    if not tables:
        raise KeyError(f"{of} has no table '{title}'")
    lines: list[str] = []
    for table in tables:
        lines += [f"**{table.title}**", ""] if len(tables) > 1 else []
        lines += [*table.markdown(), ""]
    about = f"{record.date}; {record.machine_in_words()}" if title else record.circumstances()
    if record.weights_sha256 not in (None, card.weights_sha256):
        about += "; **not the model in use**"
    return [*lines, f"*{about}*"]


def rewritten(text: str, card: ModelCard, records: Mapping[str, Record]) -> str:
    """Give a document with the figures as they are now.

    Raises:
        ValueError: a block has no end.
        KeyError: a block's name is not known.
    """

    def block(found: re.Match[str]) -> str:
        if START in found[0][len(START) :]:
            raise ValueError(f"the block {found['name']} has no end")
        name = found["name"]
        lines = OF_CARD[name](card) if name in OF_CARD else recorded(name, card, records)
        return found["start"] + "\n".join(["", *lines, "", found["end"]])

    changed, blocks = BLOCK.subn(block, text)
    if blocks != text.count(START):
        raise ValueError("the last block has no end")
    return changed


def documents() -> dict[Path, str]:
    """Give the documents as they would be written now."""
    model = active_model_folder(ROOT / "model")
    card = read_card(model)
    records = {path.stem: read_record(path) for path in sorted(RECORDS.glob("*.json"))}
    found = {
        path: rewritten(path.read_text(encoding="utf-8"), card, records)
        for path in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
    }
    return found | {model / CARD_TEXT_FILE: card_text(card, gate_in_words(model, card.weights_sha256))}


def outdated() -> dict[Path, str]:
    """Give those of the documents that are not as they would be written."""
    return {path: text for path, text in documents().items() if path.read_text(encoding="utf-8") != text}


@click.command()
@click.option("--check", is_flag=True, help="Write nothing; fail where something would change.")
def main(check: bool) -> None:
    """Write the figures of the documents anew."""
    changed = outdated()
    for path, text in changed.items():
        if not check:
            write_whole(path, text.encode())
        click.echo(f"{'outdated' if check else 'written'}: {path.relative_to(ROOT)}")
    if check and changed:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
