"""How often films are warned of, as they are and degraded by known amounts; with n and 95 % intervals (Wilson).

    python -m benchmarks.quality FOLDER

FOLDER holds whole, upright films of fair quality, none of which the limits were chosen on. Writing is drawn on enlarged
copies, as a device would write it on a film of full size.
"""

import time
from collections.abc import Callable, Sequence
from pathlib import Path

import click
import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from benchmarks.quality_fit import ASPECT, cut, turned_by
from pneumo_core.errors import PneumoError
from pneumo_core.film import blurred, read_radiograph, recompressed, resize
from pneumo_core.gate import (
    BLUR,
    CUT_OFF,
    EXPOSURE,
    FINDINGS,
    FRAME,
    ROTATION,
    SIDE,
    WRITING,
    Quality,
    measure_quality,
    refuse_clipped,
)
from pneumo_core.stats import proportion

SEED, WIDTH = 4242, 1024
LINES = (
    "MUELLER^ANNA",
    "Smith, John",
    "GARCIA LOPEZ M",
    "Nguyen Thi Lan",
    "ID 00482913",
    "12.03.2019 14:05",
    "DOB 04/07/2014",
    "KINDERKLINIK",
    "Acc 77123-B",
    "St. Mary Hospital",
)
FONTS = (cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_DUPLEX, cv2.FONT_HERSHEY_COMPLEX, cv2.FONT_HERSHEY_PLAIN)
Random = np.random.Generator
Change = Callable[[np.ndarray, Random], np.ndarray]


def rounded(film: np.ndarray) -> np.ndarray:
    """Give a film as 256 grey levels hold it."""
    return np.rint(255 * np.clip(film, 0, 1)).astype(np.float32) / np.float32(255)


def written_on(film: np.ndarray, random: Random, height: float) -> np.ndarray:
    """Write one to three lines into a corner of an enlarged copy, letters so high as a share of the film's height."""
    rows = round(WIDTH / ASPECT)
    levels = np.rint(255 * resize(film, rows, WIDTH)).astype(np.uint8)
    lines = [str(line) for line in random.choice(LINES, random.integers(1, 4), replace=False)]
    pixels, margin = round(height * rows), WIDTH // 64
    font, ink = int(random.integers(len(FONTS) + 1)), int(random.choice([255, 230]))
    if font == len(FONTS):
        printed = ImageFont.load_default(round(1.38 * pixels))
        widths = [round(printed.getlength(line)) for line in lines]
    else:
        (_, of_one), _ = cv2.getTextSize("H", FONTS[font], 1, 1)
        scale, stroke = pixels / of_one, max(1, round(pixels / 12))
        widths = [cv2.getTextSize(line, FONTS[font], scale, stroke)[0][0] for line in lines]
    step = round(1.7 * pixels)
    left = margin if random.random() < 0.5 else max(margin, WIDTH - margin - max(widths))
    top = margin if random.random() < 0.5 else rows - margin - step * len(lines)
    picture = Image.fromarray(levels)
    pen = ImageDraw.Draw(picture)
    for place, line in enumerate(lines):
        if font == len(FONTS):
            pen.text((left, top + place * step), line, fill=ink, font=printed)
        else:
            written = np.array(picture)
            base = (left, top + place * step + pixels)
            cv2.putText(written, line, base, FONTS[font], scale, ink, stroke, cv2.LINE_AA)
            picture = Image.fromarray(written)
            pen = ImageDraw.Draw(picture)
    return recompressed(np.asarray(picture, np.float32) / np.float32(255), 85)


def marked(film: np.ndarray, random: Random) -> np.ndarray:
    """Draw a side marker, 5 % of the film's height, on an enlarged copy."""
    levels = np.rint(255 * resize(film, round(WIDTH / ASPECT), WIDTH)).astype(np.uint8)
    cv2.putText(levels, str(random.choice(["R", "L"])), (40, 300), FONTS[0], 1.7, 255, 4, cv2.LINE_AA)
    return levels.astype(np.float32) / np.float32(255)


def framed(film: np.ndarray, width: int, grey: float) -> np.ndarray:
    """Draw a plain frame so many pixels wide over a film's edges, and compress it as viewers do."""
    changed = np.full_like(film, grey)
    inside = np.s_[width:-width, width:-width]
    changed[inside] = film[inside]
    return recompressed(changed, 85)


def _either(degrees: float) -> Change:
    return lambda film, random: turned_by(film, float(random.choice([-1, 1])) * degrees, fill="edge")


# The change, the finding that it should give, and whether it is clear: then at least 90 % are to be found.
DEGRADATIONS: tuple[tuple[str, str, bool, Change], ...] = (
    ("2 x as bright", EXPOSURE, True, lambda film, random: rounded(2 * film)),
    ("1.5 x as bright", EXPOSURE, False, lambda film, random: rounded(1.5 * film)),
    ("a fifth as bright", EXPOSURE, True, lambda film, random: rounded(film / 5)),
    ("half the range less", EXPOSURE, True, lambda film, random: rounded(film - 0.5)),
    ("a fifth of the contrast", EXPOSURE, True, lambda film, random: rounded(0.5 + (film - 0.5) / 5)),
    ("blur, 0.7 of 224 pixels", BLUR, False, lambda film, random: rounded(blurred(film, 0.7))),
    ("blur, 1 of 224 pixels", BLUR, True, lambda film, random: rounded(blurred(film, 1.0))),
    ("blur, 2 of 224 pixels", BLUR, True, lambda film, random: rounded(blurred(film, 2.0))),
    ("turned by 5 degrees", ROTATION, False, _either(5)),
    ("turned by 10 degrees", ROTATION, False, _either(10)),
    ("turned by 15 degrees", ROTATION, False, _either(15)),
    ("turned by 20 degrees", ROTATION, True, _either(20)),
    ("turned by 30 degrees", ROTATION, True, _either(30)),
    ("left 20 % cut off", CUT_OFF, True, lambda film, random: cut(film, left=0.2)),
    ("right 20 % cut off", CUT_OFF, True, lambda film, random: cut(film, right=0.2)),
    ("top 20 % cut off", CUT_OFF, False, lambda film, random: cut(film, top=0.2)),
    ("top 30 % cut off", CUT_OFF, False, lambda film, random: cut(film, top=0.3)),
    ("bottom 20 % cut off", CUT_OFF, False, lambda film, random: cut(film, bottom=0.2)),
    ("bottom 30 % cut off", CUT_OFF, True, lambda film, random: cut(film, bottom=0.3)),
    ("a side marker drawn", WRITING, False, marked),
    ("letters of 1.4 %", WRITING, False, lambda film, random: written_on(film, random, 0.014)),
    ("letters of 2 %", WRITING, True, lambda film, random: written_on(film, random, 0.02)),
    ("letters of 3 %", WRITING, True, lambda film, random: written_on(film, random, 0.03)),
    ("a black frame of 4 of 224 pixels", FRAME, True, lambda film, random: framed(film, 4, 0.0)),
    ("a black frame of 8 of 224 pixels", FRAME, True, lambda film, random: framed(film, 8, 0.0)),
    ("a white frame of 4 of 224 pixels", FRAME, True, lambda film, random: framed(film, 4, 1.0)),
)


def tell(name: str, found: Sequence[bool]) -> None:
    """Print a share with its interval."""
    share = proportion(sum(found), len(found))
    percent = f"{100 * share.value:5.1f} % ({100 * share.low:.1f} to {100 * share.high:.1f})"
    click.echo(f"{name:44} n = {share.n:4}  {percent}")


@click.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
def main(folder: Path) -> None:
    """Tell how often FOLDER's films are warned of, as they are and degraded."""
    films = []
    for path in sorted(folder.rglob("*")):
        try:
            if path.is_file():
                films.append(read_radiograph(path).pixels)
        except PneumoError as error:
            click.echo(f"not read: {error}")
    started = time.process_time()
    qualities = [measure_quality(film) for film in films]
    milliseconds = 1000 * (time.process_time() - started) / max(1, len(films))
    click.echo(f"As they are, warned of in vain ({milliseconds:.1f} ms of processor time a film):")
    for finding in FINDINGS:
        tell(f"  {finding}", [finding in quality.findings for quality in qualities])
    tell("  any", [bool(quality.findings) for quality in qualities])
    tell("  refused, clipped", [_is_refused(quality) for quality in qualities])
    random = np.random.default_rng(SEED)
    small = [resize(film, SIDE, SIDE) for film in films]
    click.echo("Degraded, found (* clear):")
    for name, finding, is_clear, change in DEGRADATIONS:
        copies = [change(film, random) for film in small]
        found: list[Quality] = [measure_quality(copy) for copy in copies]
        tell(f"{'*' if is_clear else ' '} {finding}: {name}", [finding in quality.findings for quality in found])
        if finding == EXPOSURE:
            tell("    and refused", [_is_refused(quality) for quality in found])


def _is_refused(quality: Quality) -> bool:
    try:
        refuse_clipped(quality, "film")
    except PneumoError:
        return True
    return False


if __name__ == "__main__":
    main()
