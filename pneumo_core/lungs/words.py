"""An outline in words."""

from __future__ import annotations

from pneumo_core.lungs.outline import SIDES, Outline
from pneumo_core.wording import Caution

# Each side of the patient lies on the other side of the image.
ON_THE_IMAGE = {"right": "left", "left": "right"}
MADE_BY = "The outline is a network's, which learned on normal lungs. It can miss a sick lung."
NOT_OUTLINED = "lung not outlined"


def in_words(outline: Outline) -> str:
    """Say in a sentence which lungs are outlined."""
    if not outline.missing:
        return "Both lungs are outlined."
    if len(outline.missing) == len(SIDES):
        return "No lung is outlined."
    (missing,) = outline.missing
    (found,) = set(SIDES) - {missing}
    return f"Only the {found} lung is outlined ({ON_THE_IMAGE[found]} on the image)."


def lung_cautions(outline: Outline) -> tuple[Caution, ...]:
    """Warn of a lung that is not outlined, as `Admission` holds it."""
    if not outline.missing:
        return ()
    if len(outline.missing) == len(SIDES):
        which, where, tag = "Neither lung was outlined", "Both", f"{NOT_OUTLINED}: both"
    else:
        (side,) = outline.missing
        which = f"The {side} lung ({ON_THE_IMAGE[side]} on the image) was not outlined"
        where, tag = "It", f"{NOT_OUTLINED}: {side}"
    sentence = (
        f"{which}. {where} may be opaque, absent or off the image. Two outlined lungs are expected. {MADE_BY} Please "
        "look there yourself, because the score may not hold."
    )
    return (Caution(tag, sentence),)


def share_in_words(share: float | None) -> str:
    """Say how much of a heat map lies inside the thorax; "" where that is not known."""
    if share is None:
        return ""
    return (
        f"{100 * share:.0f} % of the heat map's evidence lies inside the outlined thorax: lungs, heart and the part "
        "behind the diaphragm."
    )
