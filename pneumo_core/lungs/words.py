"""An outline in words."""

from __future__ import annotations

from pneumo_core.lungs.outline import SIDES, Outline
from pneumo_core.wording import Caution

# Each side of the patient lies on the other side of the image.
ON_THE_IMAGE = {"right": "left", "left": "right"}
NOT_OUTLINED, OPAQUE, CUT_OFF = "lung not outlined", "lung opaque", "lung cut off"


def outline_in_words(outline: Outline) -> str:
    """Say in a sentence which lungs are outlined."""
    if not outline.missing:
        return "Both lungs are outlined."
    if len(outline.missing) == len(SIDES):
        return "No lung is outlined."
    (found,) = set(SIDES) - set(outline.missing)
    return f"Only the {found} lung is outlined ({ON_THE_IMAGE[found]} on the image)."


def lung_cautions(outline: Outline, with_edges: bool = True) -> tuple[Caution, ...]:
    """Warn of lungs that are not outlined, opaque, or cut off: what was found, what is expected, what to do.

    Args:
        with_edges: whether to name the image's edges that a lung runs into.
    """
    cautions = []
    if outline.missing:
        sentence = (
            f"{_lungs(outline.missing)} not outlined. It may be opaque, absent or off the image. Two outlined lungs "
            "are expected. The network that outlines them learned on normal lungs and misses the sickest. Please look "
            "at that side yourself, because the score may not hold."
        )
        cautions.append(Caution(f"{NOT_OUTLINED}: {_both_or(outline.missing)}", sentence))
    if outline.opaque:
        sentence = (
            f"{_lungs(outline.opaque)} as bright as the tissue between the lungs. It may be opaque, absent or off the "
            "image. A lung with air in it is darker. Please look at that side yourself, because the score may not hold."
        )
        cautions.append(Caution(f"{OPAQUE}: {_both_or(outline.opaque)}", sentence))
    if outline.cut_off and with_edges:
        edges = " and ".join(outline.cut_off)
        sentence = (
            f"The lungs run into the image's edge ({edges}). Both whole lungs should be visible, because missing parts "
            "are not read. Please upload the uncut X-ray."
        )
        cautions.append(Caution(f"{CUT_OFF} at {edges}", sentence))
    return tuple(cautions)


def share_in_words(share: float | None) -> str:
    """Say how much of a heat map lies inside the thorax; "" where that is not known."""
    if share is None:
        return ""
    return (
        f"{100 * share:.0f} % of the heat map's evidence lies inside the outlined thorax: lungs, heart and the part "
        "behind the diaphragm."
    )


def _lungs(sides: tuple[str, ...]) -> str:
    if len(sides) == len(SIDES):
        return "Each lung is"
    return f"The {sides[0]} lung ({ON_THE_IMAGE[sides[0]]} on the image) is"


def _both_or(sides: tuple[str, ...]) -> str:
    return "both" if len(sides) == len(SIDES) else sides[0]
