"""The facts that a file tells beside its picture, by their names."""

from pneumo_core.film.exposure import NUMBER_IN_SERIES
from pneumo_core.film.pixels import Origin


def outward_facts(origin: Origin) -> dict[str, float | str]:
    """Give what a file tells beside its picture, by the facts' names; only facts that it has.

    They serve figures over many files (`stats.areas_of_metadata`), and never stand together with an image.
    """
    exposure, window = origin.exposure, origin.window or (None, None)
    facts: dict[str, float | str | None] = {
        "file format": origin.format,
        "bits": origin.bits,
        "photometric interpretation": origin.photometric_interpretation,
        "view": origin.view_position,
        "window centre": window[0],
        "window width": window[1],
        "manufacturer": exposure.manufacturer,
        "device model": exposure.model,
        "tube voltage": exposure.kvp,
        "exposure": exposure.exposure_mas,
        "relative exposure": exposure.relative_exposure,
        "exposure index": exposure.exposure_index,
        "pixel spacing": exposure.pixel_spacing_mm,
        "date": exposure.day,
        NUMBER_IN_SERIES: exposure.number_in_series,
    }
    return {name: value for name, value in facts.items() if value is not None}
