"""The mix of patients that a site states once, for all pages and commands."""

import os

from pneumo_core.errors import DataError
from pneumo_core.stats import Mix, mix_of_text

MIX_VARIABLE = "PNEUMO_PATIENT_MIX"


def site_mix() -> Mix | None:
    """Give the mix of patients that `PNEUMO_PATIENT_MIX` states; None where it states none.

    Raises:
        DataError: it cannot be read.
    """
    text = os.environ.get(MIX_VARIABLE, "").strip()
    if not text:
        return None
    mix = mix_of_text(text)
    if mix is None:
        raise DataError(
            f"{MIX_VARIABLE} states no mix of patients that can be read. Expected are three shares in percent that sum "
            'to 100, as in "finding 10, other 35, normal 55". Please correct it, or leave it empty.',
            code="patient_mix",
        )
    return mix
