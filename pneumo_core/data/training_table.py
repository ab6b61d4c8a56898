"""X-rays to train on, as tables tell them: a label of three groups, age, sex, view and source of each.

A table (CSV) lies in the folder of its X-rays as `labels.csv`, beside that folder under the folder's name, or is named
itself; its files lie below the folder. Its columns are `file` (or `path`) and `label`, and as far as they are known
`patient`, `age`, `sex`, `view`, `source`, `view_of`, `weight`, `soft_label` and `split`. A folder without a table is
one in the layout of `find_cases`. Several folders together are one set: a patient of one is the same in the others.
"""

import dataclasses
import math
import posixpath
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple

from pneumo_core.data.cases import (
    GROUPS,
    SPLITS,
    Case,
    Group,
    Told,
    ViewOf,
    check_copies,
    find_cases,
    patient_and_kind,
    table_of,
)
from pneumo_core.data.counts import is_rounded, joined_patients, patient_key
from pneumo_core.data.labels import COLUMNS, group_of_label, label_words
from pneumo_core.data.listing import FilmsBelow, Problem, bounded, left_out, matched_in_words
from pneumo_core.data.names import as_shown, printable, split_of_words
from pneumo_core.data.table import CODE, MAX_TABLE_BYTES, TableRow, read_table
from pneumo_core.errors import DataError
from pneumo_core.film import age_in_years
from pneumo_core.wording import counted

# An age over this is a mistake far more often than an age: a public set of 26,684 patients holds 148 and 155.
OLDEST_IN_TABLES = 100.0
_FURTHER = ("label", "patient", "age", "sex", "view", "source", "view_of", "weight", "soft_label", "split")
_OTHER_NAMES = {
    **COLUMNS,
    "age": ("patient age", "patientage", "age years", "alter", "edad"),
    "sex": ("patient sex", "patientsex", "patient gender", "gender", "geschlecht"),
    "view": ("view position", "viewposition", "projection"),
}
# This name is the table's own, too.
_PATH_NOTE = "The column path was read as file."
_SEXES: dict[str, Literal["F", "M"]] = {
    **dict.fromkeys(("f", "female", "w", "weiblich", "woman", "girl"), "F"),
    **dict.fromkeys(("m", "male", "männlich", "man", "boy"), "M"),
}
_VIEWS: tuple[tuple[str, Literal["AP", "PA", "lateral"]], ...] = (
    (r"ap|ap (supine|erect|mobile|portable)|anteroposterior|antero posterior", "AP"),
    (r"pa|posteroanterior|postero anterior", "PA"),
    (r"l|ll|rl|lat|lateral|left lateral|right lateral", "lateral"),
)
_VIEWS_OF: dict[str, ViewOf] = {"": "", "whole": "whole", "lungs only": "lungs_only", "lungs": "lungs_only"}
_MOST_PROBLEMS = 20


@dataclass(frozen=True, slots=True)
class TableRules:
    """How a plan reads a table.

    Attributes:
        labels: groups of labels by their words, before what the labels mean by themselves; None leaves such rows out.
        label: the group of X-rays whose row has no label.
        view_of: of X-rays of which the table does not tell it.
        weight: each row's weight is multiplied by this.
    """

    labels: Mapping[str, Group | None] = field(default_factory=dict)
    label: Group | None = None
    view_of: ViewOf = ""
    weight: float = 1.0


class Listed(NamedTuple):
    """X-rays of one or several folders, and whole sentences on how tables were read and on what was left out.

    Attributes:
        unlabelled: how many of the X-rays have no label; none of them has a group.
    """

    cases: tuple[Case, ...]
    notes: tuple[str, ...]
    problems: tuple[str, ...]
    unlabelled: int


def root_of(folder: Path) -> Path:
    """Give the folder that a data folder's files lie below: of a table that is named itself, its own folder."""
    return folder if folder.is_dir() else folder.parent


def list_xrays(
    folders: Sequence[Path], copies: Sequence[Path] = (), rules: Sequence[TableRules | None] | None = None
) -> Listed:
    """List the X-rays of data folders; X-rays of several folders carry the folder's name before their own.

    One patient of several folders is one: by the same patient in their tables, or by the same file's name.

    Args:
        copies: of the first folder, as in `find_cases`.
        rules: of each folder with a table.

    Raises:
        DataError: a folder does not exist or holds no X-ray, a table cannot be read, or two folders have one name.
    """
    names = [one.name for one in folders]
    if len(set(names)) < len(names):
        raise DataError(
            "Two of the data folders have the same name. Their X-rays could not be told apart. Please rename one."
        )
    lists = []
    for place, folder in enumerate(folders):
        of_folder = None if rules is None else rules[place]
        lists.append(_list_one(folder, copies if place == 0 else (), of_folder or TableRules(), len(folders) > 1))
    cases = [case for one in lists for case in one.cases]
    if len(folders) > 1:
        same = defaultdict(list)
        for case in cases:
            same[posixpath.basename(case.name)].append(case.name)
        joined = joined_patients({case.name: case.patient for case in cases}, same.values())
        cases = [dataclasses.replace(case, patient=joined[case.patient]) for case in cases]
    # An X-ray of a folder without copies is the same in each view.
    views = 1 + len(copies)
    cases = [
        dataclasses.replace(case, views=(*case.views, *case.views[:1] * (views - len(case.views)))) for case in cases
    ]
    cases.sort(key=lambda case: (SPLITS.index(case.split), case.has_pneumonia, case.name))
    return Listed(
        tuple(cases),
        tuple(
            f"{name}: {note}" if len(lists) > 1 else note
            for name, one in zip(names, lists, strict=True)
            for note in one.notes
        ),
        tuple(
            f"{name}: {said}" if len(lists) > 1 else said
            for name, one in zip(names, lists, strict=True)
            for said in one.problems
        ),
        sum(one.unlabelled for one in lists),
    )


def find_xrays(folders: Sequence[Path], copies: Sequence[Path] = ()) -> tuple[Case, ...]:
    """Give the X-rays of data folders that have a label, as `list_xrays` does."""
    return tuple(case for case in list_xrays(folders, copies).cases if case.told is None or case.told.group)


def place_of(folders: Sequence[Path], name: str) -> tuple[Path, str]:
    """Give the folder of an X-ray and its path below that, by its name in `list_xrays`.

    Raises:
        DataError: the name begins with none of several folders.
    """
    if len(folders) == 1:
        return root_of(folders[0]), name
    first, _, rest = name.partition("/")
    for folder in folders:
        if folder.name == first:
            return root_of(folder), rest
    raise DataError(f"{as_shown(name)} lies in none of the folders. Expected is one of them before each name.")


def _list_one(folder: Path, copies: Sequence[Path], rules: TableRules, is_one_of_several: bool) -> Listed:
    table = table_of(folder)
    if table is not None:
        listed = _list_table(table, root_of(folder), copies, rules)
    else:
        listed = Listed(find_cases(folder, copies), (), (), 0)
    if not is_one_of_several:
        return listed
    cases = []
    for case in listed.cases:
        told = case.told or Told("finding" if case.has_pneumonia else "normal", source=folder.name, view_of="whole")
        name = f"{folder.name}/{case.name}"
        patient = name if case.patient == case.name else case.patient
        cases.append(dataclasses.replace(case, name=name, patient=patient, told=told))
    return listed._replace(cases=tuple(cases))


def _list_table(table: Path, folder: Path, copies: Sequence[Path], rules: TableRules) -> Listed:
    try:
        with table.open("rb") as file:
            content = file.read(MAX_TABLE_BYTES + 1)
    except OSError as error:
        raise DataError(f"{table.name} cannot be opened. Please check that you may read it.", code=CODE) from error
    notes: list[str] = []
    problems: list[Problem] = []
    below = FilmsBelow(folder)
    found: dict[str, list[tuple[TableRow, Case]]] = {}
    too_old = 0
    numbers: set[str] = set()
    for row in read_table(content, as_shown(table.name), ("file",), _FURTHER, MAX_TABLE_BYTES, _OTHER_NAMES, notes):
        with left_out(problems, f"Row {row.number} ({as_shown(row.cell('file'))})", f"Row {row.number}"):
            if row.is_ragged:
                raise DataError("it has more or fewer cells than the first row. Please correct it.")
            name = below.find(row.cell("file")).name
            numbers.update({row.cell("label")} & {"0", "1", "2"} - rules.labels.keys())
            told, is_too_old = _told(row, rules, folder.name)
            too_old += is_too_old
            case = _case(folder, name, row, told, copies)
            found.setdefault(name, []).append((row, case))
    if numbers == {"1", "2"}:
        raise DataError(
            "The labels are 1 and 2, and nothing says which is the finding. Expected are 0 for none and 1 for the "
            "finding. Please write 0 and 1, or say in the plan what they mean.",
            code="labels",
        )
    cases = list(_once_each(found, problems))
    if not cases:
        first = f" The first problem: {problems[0].named}" if problems else ""
        raise DataError(f"{as_shown(table.name)} names no X-ray that is there.{first}", code=CODE)
    notes = [note for note in notes if note != _PATH_NOTE]
    if below.matched:
        notes.append(matched_in_words(below.matched))
    if too_old:
        notes.append(
            f"{counted(too_old, 'age')} over {OLDEST_IN_TABLES:.0f} years or not understood: taken as not known."
        )
    check_copies(cases, copies)
    unlabelled = sum(case.told is None or case.told.group is None for case in cases)
    said = tuple(problem.named for problem in bounded(problems)[: _MOST_PROBLEMS + 1])
    return Listed(tuple(cases), tuple(notes), said, unlabelled)


def _once_each(found: Mapping[str, Sequence[tuple[TableRow, Case]]], problems: list[Problem]) -> Iterator[Case]:
    """Give each X-ray once; one whose rows give it several labels is left out."""
    for rows in found.values():
        case = rows[0][1]
        if len({one.told.group if one.told else None for _, one in rows}) > 1:
            numbers = " and ".join(str(row.number) for row, _ in rows[:2])
            reason = "give the same X-ray different labels, and were left out. Please keep the right one."
            problems.append(Problem(f"Rows {numbers} ({as_shown(case.name)}) {reason}", f"Rows {numbers} {reason}"))
            continue
        yield case


def _case(folder: Path, name: str, row: TableRow, told: Told, copies: Sequence[Path]) -> Case:
    has_finding = told.group == "finding"
    of_name, _ = patient_and_kind(posixpath.basename(name), has_finding)
    given = printable(row.cell("patient"))
    patient = of_name or name if not given or is_rounded(given) else patient_key(given)
    kind = "pneumonia" if has_finding else "normal" if told.group == "normal" else ""
    split = split_of_words(row.cell("split")) or "train"
    if row.cell("split") and not split_of_words(row.cell("split")):
        raise DataError(f"its split is none of {', '.join(SPLITS)}. Please correct it.")
    return Case(name, (folder / name, *(copy / name for copy in copies)), has_finding, patient, kind, split, told)


def _told(row: TableRow, rules: TableRules, source: str) -> tuple[Told, bool]:
    """Read what a row tells, and whether its age is none; a cell that makes no sense leaves the row out."""
    label = label_words(row.cell("label"))
    if label in rules.labels:
        group = rules.labels[label]
        if group is None:
            raise DataError("the plan leaves its label out.")
    else:
        group = group_of_label(row.cell("label")) or (rules.label if not label else None)
        if group is None and label and not _says_nothing(row.cell("label")):
            raise DataError(
                "its label is none of the known ones. Expected is opacity, abnormal_no_opacity, normal, no_finding, "
                "pneumonia or nothing. Please correct it."
            )
    age = age_in_years(re.sub(r"[.,]0+$", "", row.cell("age")))
    is_known = age is not None and age <= OLDEST_IN_TABLES
    soft_label = _soft_label(row.cell("soft_label"), group)
    if group is None and soft_label is not None:
        group = GROUPS[max(range(3), key=soft_label.__getitem__)]
    view_of = _VIEWS_OF.get(label_words(row.cell("view_of")))
    if view_of is None:
        raise DataError("its view_of is neither whole nor lungs_only. Please correct it.")
    return (
        Told(
            group,
            label,
            age if is_known else None,
            _SEXES.get(label_words(row.cell("sex")), ""),
            _view(row.cell("view")),
            printable(row.cell("source"))[:80] or source,
            view_of or rules.view_of,
            rules.weight * _weight(row.cell("weight")),
            soft_label,
        ),
        bool(row.cell("age")) and not is_known and not _says_nothing(row.cell("age")),
    )


def _says_nothing(cell: str) -> bool:
    return label_words(cell) in ("", "na", "n a", "nan", "null", "unknown")


def _view(cell: str) -> Literal["", "AP", "PA", "lateral"]:
    words = label_words(cell)
    return next((view for pattern, view in _VIEWS if re.fullmatch(pattern, words)), "")


def _weight(cell: str) -> float:
    weight = _number(cell) if cell else 1.0
    if weight is None or weight < 0:
        raise DataError("its weight is no number from 0 on. Please correct it.")
    return weight


def _soft_label(cell: str, group: Group | None) -> tuple[float, float, float] | None:
    """Read one share of the finding, or three of finding, other and normal as "0.4/0.4/0.2".

    With one share, the rest goes to the group of the label, and to normal where that is the finding.
    """
    if not cell:
        return None
    shares = [_number(part) for part in re.split(r"[/ ]+", cell)]
    if any(share is None or not 0 <= share <= 1 for share in shares) or len(shares) not in (1, 3):
        raise DataError(
            "its soft_label is neither a share from 0 to 1 nor three of them, as in 0.4/0.4/0.2. Please correct it."
        )
    numbers = [share for share in shares if share is not None]
    if len(numbers) == 1:
        rest = "normal" if group in (None, "finding") else group
        numbers = [numbers[0] if one == "finding" else 1 - numbers[0] if one == rest else 0.0 for one in GROUPS]
    if not math.isclose(sum(numbers), 1, abs_tol=0.01):
        raise DataError("its three shares do not sum to 1. Please correct it.")
    return numbers[0], numbers[1], numbers[2]


def _number(cell: str) -> float | None:
    try:
        number = float(cell.replace(",", "."))
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def group_of(case: Case) -> Group:
    """Give the group of an X-ray with a label."""
    if case.told is not None and case.told.group is not None:
        return case.told.group
    return "finding" if case.has_pneumonia else "normal"
