"""Fit how `gate.raw` tells raw data of a detector, or tell how often it does: with n and 95 % intervals (Wilson).

    python -m benchmarks.raw_pixels FILMS [--fit]

FILMS holds images for viewing. Raw data are made of them by the law of Beer and Lambert: either plainly, or with
another tone, scatter, noise, air or a collimator beside the body, 10 to 16 bits, and a stretched range. Nothing is
fitted without `--fit`, which prints weights to be written into `gate/raw.py`.
"""

from collections.abc import Callable
from pathlib import Path

import click
import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from pneumo_core.film import blurred, read_radiograph, resize
from pneumo_core.gate import PERHAPS_RAW, RAW, exposure_features, raw_log_odds, small_copy
from pneumo_core.stats import proportion

SIDE, SEED = 224, 19
STEEPNESS, RANGES = (2.3, 3.0, 3.9, 4.6, 5.3), (10, 20, 50, 100, 200)
Random = np.random.Generator
# Images for viewing as programs change them.
VIEWING: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "as it is": lambda film: film,
    "dark": lambda film: 0.5 * film,
    "bright": lambda film: np.minimum(1.2 * film, 1),
    "bright and clipped": lambda film: np.minimum(1.5 * film, 1),
    "gamma 0.5": lambda film: film**0.5,
    "gamma 0.7": lambda film: film**0.7,
    "gamma 1.4": lambda film: film**1.4,
    "high contrast": lambda film: np.clip((film - film.mean()) * 1.6 + film.mean(), 0, 1),
    "inverted": lambda film: 1 - film,
    "inverted, gamma 0.7": lambda film: (1 - film) ** 0.7,
    "inverted, gamma 1.4": lambda film: (1 - film) ** 1.4,
}
# Too far from an image for viewing to be fitted to.
EXTREME = ("bright and clipped", "gamma 0.5")


def plain_exposure(film: np.ndarray, steepness: float) -> np.ndarray:
    """Give the exposure behind a body that a film shows, air bright, in the range [0, 1]."""
    least = np.exp(-steepness)
    return ((np.exp(-steepness * film) - least) / (1 - least)).astype(np.float32)


def detected(film: np.ndarray, span: float, random: Random) -> np.ndarray:
    """Give what a detector might write, air bright; the primary exposure spans 1 to `span`."""
    if random.random() < 0.5:
        body = film ** np.exp(random.uniform(np.log(0.6), np.log(1.7)))
    else:
        inner = 0.03 + 0.94 * film
        body = np.log(inner / (1 - inner)) / (2 * np.log(0.97 / 0.03)) + 0.5
    exposure = np.exp(-np.log(span) * body)
    surround = random.choice(["as shown", "direct", "collimated"])
    if surround == "direct":
        exposure = np.where(film < 0.06, exposure * random.uniform(1, 5), exposure)
    scatter = random.choice([0, 0.2, 0.5, 1])
    exposure = (exposure + scatter * blurred(exposure.astype(np.float32), 0.08 * film.shape[1])) / (1 + scatter)
    exposure = random.normal(exposure, np.sqrt(exposure / np.exp(random.uniform(np.log(3e3), np.log(1e6)))))
    if surround == "collimated":
        top, bottom, left, right = random.integers(3, 20, 4)
        is_open = np.zeros(film.shape, bool)
        is_open[top:-bottom, left:-right] = True
        exposure = np.where(is_open, exposure, random.uniform(0.0005, 0.01) * exposure.max())
    exposure = np.clip(exposure / exposure.max(), 0, 1)
    if surround == "direct":
        exposure = np.minimum(exposure / random.uniform(0.4, 1), 1)
    levels = 2 ** int(random.choice([10, 12, 14, 16])) - 1
    exposure = np.rint(exposure * levels * random.choice([1, random.uniform(0.3, 1)])) / levels
    share = random.choice([0, 0.1, 0.5, 1])
    low, high = np.percentile(exposure, (share, 100 - share))
    return np.clip((exposure - low) / max(high - low, 1e-6), 0, 1).astype(np.float32)


def fit(films: list[np.ndarray], random: Random) -> tuple[np.ndarray, float]:
    """Fit to raw data made of the films against films for viewing; give weights and intercept, both kinds alike."""

    def features(exposures: list[np.ndarray]) -> np.ndarray:
        found = [exposure_features(small_copy(exposure.astype(np.float32))) for exposure in exposures]
        return np.array([one for one in found if one is not None])

    raw = features(
        [plain_exposure(film, steepness) for film in films for steepness in STEEPNESS]
        + [detected(film, span, random) for film in films for span in RANGES]
    )
    shown = [change(film) for film in films for name, change in VIEWING.items() if name not in EXTREME]
    viewing = features([picture for one in shown for picture in (one, 1 - one)])
    scaler = StandardScaler().fit(np.concatenate([raw, viewing]))
    regression = LogisticRegression(max_iter=2000, class_weight="balanced")
    is_raw = np.arange(len(raw) + len(viewing)) < len(raw)
    regression.fit(scaler.transform(np.concatenate([raw, viewing])), is_raw)
    weights = regression.coef_[0] / scaler.scale_
    return weights, float(regression.intercept_[0] - weights @ scaler.mean_)


def tell(name: str, pictures: list[np.ndarray]) -> None:
    """Print the shares of pictures that are refused, and that are refused or warned of."""
    odds = np.array([raw_log_odds(picture.astype(np.float32)) for picture in pictures])
    shares = [proportion(int((odds >= limit).sum()), len(odds)) for limit in (RAW, PERHAPS_RAW)]
    refused, either = (f"{100 * one.value:.1f} ({100 * one.low:.1f} to {100 * one.high:.1f})" for one in shares)
    click.echo(f"{name:28} n = {len(odds):4}  refused {refused} %  refused or warned of {either} %")


@click.command()
@click.argument("films", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--fit", "is_fitted", is_flag=True, help="Print fitted weights instead.")
def main(films: Path, is_fitted: bool) -> None:
    """Tell how often FILMS, and raw data made of them, are taken for raw data."""
    random = np.random.default_rng(SEED)
    read = [resize(read_radiograph(path).pixels, SIDE, SIDE) for path in sorted(films.rglob("*.jp*g"))]
    if is_fitted:
        weights, intercept = fit(read, random)
        click.echo(f"{', '.join(f'{weight:.2f}' for weight in weights)}; intercept {intercept:.2f}")
        return
    for name, change in VIEWING.items():
        tell(name, [change(film) for film in read])
    for steepness in STEEPNESS:
        tell(f"plain, steepness {steepness}", [plain_exposure(film, steepness) for film in read])
    for span in RANGES:
        raw = [detected(film, span, random) for film in read]
        tell(f"detected, 1 : {span}, air bright", raw)
        tell(f"detected, 1 : {span}, air dark", [1 - one for one in raw])


if __name__ == "__main__":
    main()
