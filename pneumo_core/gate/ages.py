"""From a patient's age to the groups of patients that a model knows, by their ranges of years."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

# In years, the youngest and the oldest, both whole and both in the range: "5 years" lasts until the sixth birthday.
Years = tuple[float, float]
# A model of several groups gives no verdict on younger patients, unless a group of it holds them.
YOUNGEST = 1.0
GROWN_UP = 18.0
# A group whose oldest may be this old has no upper limit, in words.
VERY_OLD = 100.0


@dataclass(frozen=True, slots=True)
class Route:
    """Where a patient of an age belongs.

    Attributes:
        kind: "inside" a group; "outside" of all of them, and asked of the nearest; "between" two of them, or of
            "unknown" age, and asked of all; "none" where no verdict may be given.
        places: the groups that are asked, by their places in the list.
    """

    kind: Literal["inside", "outside", "between", "unknown", "none"]
    places: tuple[int, ...]


def route(age_years: float | None, groups: Sequence[Years]) -> Route:
    """Say which groups a patient of this age is asked of.

    Args:
        age_years: None where it is not known.
        groups: the range of each group that the model knows, one or more.
    """
    everyone = tuple(range(len(groups)))
    if age_years is None:
        return Route("unknown", everyone)
    inside = tuple(place for place, (youngest, oldest) in enumerate(groups) if youngest <= age_years < oldest + 1)
    if inside:
        return Route("inside", inside)
    if len(groups) == 1:
        return Route("outside", everyone)
    if age_years < YOUNGEST:
        return Route("none", ())
    first = min(everyone, key=lambda place: groups[place][0])
    last = max(everyone, key=lambda place: groups[place][1])
    if age_years < groups[first][0]:
        return Route("outside", (first,))
    return Route("outside", (last,)) if age_years >= groups[last][1] + 1 else Route("between", everyone)


def group_in_words(years: Years) -> str:
    """Say who a group is: "children of 1 to 5 years", "adults of 18 years and over"."""
    youngest, oldest = years
    who = "adults" if youngest >= GROWN_UP else "children" if oldest < GROWN_UP else "patients"
    until = "years and over" if oldest >= VERY_OLD else f"to {oldest:.0f} years"
    return f"{who} of {youngest:.0f} {until}"


def groups_in_words(groups: Sequence[Years]) -> str:
    """Say who several groups are, joined by "and"."""
    return " and of ".join(map(group_in_words, groups))


def age_in_words(age_years: float) -> str:
    """Say an age in whole years, below two years in whole months."""
    # A twelfth has no exact binary fraction: 7 of them make a little less than 7 months.
    return f"{int(age_years)} years" if age_years >= 2 else f"{int(age_years * 12 + 1e-6)} months"
