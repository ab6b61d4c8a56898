"""From a DICOM's stored values to grey: the modality LUT, then the VOI LUT or window."""

import math
from typing import Any

import numpy as np
import pydicom
from numpy.typing import NDArray

from pneumo_core.errors import UnreadableImageError
from pneumo_core.film.dicom_header import first, number, word
from pneumo_core.film.pixels import Grey, effective_bits


def display_values(words: NDArray[Any], header: pydicom.Dataset, notes: list[str]) -> Grey:
    """Apply modality LUT or rescale, then VOI LUT or window (DICOM PS3.3 C.11.1, C.11.2, in this order).

    Args:
        words: uint8 or uint16, shape `(height, width)`, as `Frame` has them.

    Returns:
        pixels float32, shape `(height, width)`, in [0, 1]: the output range of the
        VOI function or, without one, the range of the effective bits.
    """
    is_signed, bits = header.PixelRepresentation == 1, int(header.BitsStored)
    low = -(2.0 ** (bits - 1)) if is_signed else 0.0
    stored = words & np.array(2**bits - 1, words.dtype)
    if is_signed:
        stored = (stored.astype(np.int32) ^ 2 ** (bits - 1)) - 2 ** (bits - 1)
    if not is_signed and bits == 16:
        # Careless devices write 16 for 12-bit data. A smaller number is taken as it is.
        bits = effective_bits(int(stored.max()))
    high = low + 2**bits - 1
    table = first(header.get("ModalityLUTSequence"))
    if table:
        values, depth, _ = _look_up(stored, table)
        bits = min(depth, effective_bits(int(values.max())))
        low, high = 0.0, 2.0**bits - 1
    else:
        slope, intercept = number(header, "RescaleSlope", 1), number(header, "RescaleIntercept", 0)
        if slope == 0 or not math.isfinite(slope) or not math.isfinite(intercept):
            message = "is a DICOM with an impossible RescaleSlope or RescaleIntercept. Please export it again."
            raise UnreadableImageError(message, code="header")
        values = stored.astype(np.float32) * np.float32(slope) + np.float32(intercept)
        low, high = sorted((low * slope + intercept, high * slope + intercept))
    table = first(header.get("VOILUTSequence"))
    if table:
        if len(header.VOILUTSequence) > 1 or "WindowCenter" in header:
            notes.append("Several lookup tables or windows are stored. The first lookup table was applied.")
        values, depth, held = _look_up(values, table)
        if held < depth:
            # Careless devices declare 16 bits for a table of 12. The picture would be 16 times too dark.
            notes.append(
                f"The lookup table declares {depth} bits, but its values need only {held}. It was scaled by {held}."
            )
        return Grey(values / np.float32(2**held - 1), bits, "LUT")
    window = _usable_window(header, notes)
    if window is not None:
        return Grey(_apply_window(values, *window, _voi_function(header)), bits, "window", window)
    values -= np.float32(low)
    values /= np.float32(high - low)
    return Grey(np.clip(values, 0, 1, out=values), bits)


def _look_up(values: NDArray[Any], table: pydicom.Dataset) -> tuple[NDArray[np.float32], int, int]:
    """Map values through a DICOM lookup table (PS3.3 C.11.1.1); give them with its declared and its used bit depth.

    pydicom's own `apply_voi` counts entries in the output's type, so a table of 4096 entries of 8 bits wraps around.
    """
    count, first, depth = (int(number) for number in table.LUTDescriptor)
    count = count or 2**16
    data = table.LUTData
    if isinstance(data, bytes):
        order = "<" if table.original_encoding[1] is not False else ">"
        data = np.frombuffer(data, dtype=f"{order}u2" if len(data) >= 2 * count else "u1")
    entries = np.asarray(data, dtype=np.float32)[:count]
    if len(entries) < count or not 8 <= depth <= 16:
        raise ValueError("the lookup table is not as its descriptor says")
    index = np.clip(np.rint(values - np.float32(first)), 0, count - 1).astype(np.int32)
    entries = np.clip(entries, 0, 2**depth - 1)
    return entries[index], depth, min(depth, effective_bits(int(entries.max())))


def _voi_function(header: pydicom.Dataset) -> str:
    return word(header, "VOILUTFunction") or "LINEAR"


def _usable_window(header: pydicom.Dataset, notes: list[str]) -> tuple[float, float] | None:
    """Give the first window as (WindowCenter, WindowWidth); None where there is no usable one."""
    center, width = (number(header, keyword, math.nan) for keyword in ("WindowCenter", "WindowWidth"))
    if math.isnan(center) and math.isnan(width):
        return None
    # DICOM PS3.3 C.11.2.1.2 and C.11.2.1.3: LINEAR needs a width of 1 or more, the others above 0.
    function = _voi_function(header)
    is_wide_enough = width >= 1 if function == "LINEAR" else width > 0
    is_known = function in ("LINEAR", "LINEAR_EXACT", "SIGMOID")
    if not (is_wide_enough and is_known and math.isfinite(center) and math.isfinite(width)):
        notes.append("The stored window cannot be used. The full range was shown.")
        return None
    if header["WindowCenter"].VM > 1:
        notes.append("Several windows are stored. The first was applied.")
    return center, width


def _apply_window(
    values: NDArray[np.float32], center: float, width: float, function: str = "LINEAR"
) -> NDArray[np.float32]:
    """Show values through a window, in float so that no bit is lost.

    DICOM PS3.3 C.11.2.1.2.1 (LINEAR), C.11.2.1.3.1 (SIGMOID) and C.11.2.1.3.2 (LINEAR_EXACT).

    Args:
        values: float32, any shape, after the modality LUT.

    Returns:
        float32, the same shape, in [0, 1].
    """
    if function == "SIGMOID":
        # Beyond 50 the result is 0 or 1 in float32, and exp would overflow.
        exponent = np.clip(-4 * (values - np.float32(center)) / np.float32(width), -50, 50)
        return np.asarray(1 / (1 + np.exp(exponent)), dtype=np.float32)
    if function == "LINEAR":
        center, width = center - 0.5, width - 1
    if width == 0:
        return (values > center).astype(np.float32)
    shown = (values - np.float32(center)) / np.float32(width) + np.float32(0.5)
    return np.clip(shown, 0, 1, out=shown)


def is_shown_inverted(header: pydicom.Dataset, photometric: str, modality: str, notes: list[str]) -> bool:
    """Tell whether low values are bright.

    In DX, MONOCHROME1 and PresentationLUTShape INVERSE say the same thing (PS3.3 C.8.11.3), so the two together never
    invert twice. INVERSE with MONOCHROME2 is a contradiction, and PhotometricInterpretation wins.
    """
    if photometric != "MONOCHROME2" or word(header, "PresentationLUTShape") != "INVERSE":
        return photometric == "MONOCHROME1"
    if modality == "DX":
        notes.append("PresentationLUTShape contradicts PhotometricInterpretation and was ignored.")
    return modality != "DX"
