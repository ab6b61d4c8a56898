"""Films decoded and resampled once, held in memory, and dealt out in batches anew in each epoch."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tensorflow as tf

from pneumo_core.data import Case, mask_of
from pneumo_core.errors import DataError, PneumoError, UnreadableImageError, UnsuitableImageError
from pneumo_core.film import Preprocessing, Window, exposed_area, prepare, read_radiograph
from pneumo_core.train.plan import Recipe

TRAINING_READERS = 4
# The network, its gradients and the epoch's batches take this much besides.
SPARE_BYTES = 2 << 30


@dataclass(frozen=True, slots=True, eq=False)
class Films:
    """Films in memory, resampled to the network's size.

    Attributes:
        views: uint8 `(views, n, height, width)`.
        has_pneumonia: bool `(n,)`.
        sha256s: of each film, that of each of its files.
        left_out: why further films are not among them, as sentences.
    """

    cases: tuple[Case, ...]
    views: np.ndarray
    has_pneumonia: np.ndarray
    sha256s: tuple[tuple[str, ...], ...]
    left_out: tuple[str, ...] = ()


def read_films(
    cases: Sequence[Case],
    preprocessing: Preprocessing,
    progress: Callable[[int, int], bool] = lambda done, of: True,
) -> Films | None:
    """Read films into memory; one of which a view cannot be read is left out.

    Args:
        progress: is called with how many of how many are read; False stops the reading.

    Returns:
        None where it was stopped.

    Raises:
        DataError: of one of the classes no film could be read, or there is too little memory for them.
    """
    views = len(cases[0].views) if cases else 1
    shape = (views, len(cases), preprocessing.height, preprocessing.width)
    _refuse_without_memory(shape)
    films = np.empty(shape, np.uint8)
    kept: list[Case] = []
    sha256s: list[tuple[str, ...]] = []
    left_out: list[str] = []
    with ThreadPoolExecutor(TRAINING_READERS) as readers:
        try:
            found = readers.map(lambda case: _read(case, preprocessing), cases)
            for place, (case, read) in enumerate(zip(cases, found, strict=True), start=1):
                if isinstance(read, PneumoError):
                    left_out.append(f"{case.name}: {read}")
                else:
                    films[:, len(kept)], hashes = read
                    kept.append(case)
                    sha256s.append(hashes)
                if not progress(place, len(cases)):
                    return None
        finally:
            readers.shutdown(cancel_futures=True)
    if len({case.has_pneumonia for case in kept}) < 2:
        raise DataError(
            f"{len(kept)} of {len(cases)} X-rays could be read, and they are not of both classes. Expected are "
            "readable X-rays in NORMAL and in PNEUMONIA. Please check the files."
        )
    has_pneumonia = np.array([case.has_pneumonia for case in kept])
    return Films(tuple(kept), films[:, : len(kept)], has_pneumonia, tuple(sha256s), tuple(left_out))


def epoch_order(has_pneumonia: np.ndarray, views: int, recipe: Recipe, epoch: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw the films of an epoch and the view of each: int64 `(n,)` both.

    The draw depends on the recipe's seed and the epoch alone, so that a run that goes on deals as one that never
    stopped. With balanced sampling both classes come equally often, films of the rarer one more than once.
    """
    random = np.random.default_rng((recipe.seed, epoch))
    count = len(has_pneumonia)
    if recipe.balance == "balanced sampling":
        shares = (count - count // 2, count // 2)
        parts = [
            _repeated(np.flatnonzero(has_pneumonia == label), share, random)
            for label, share in zip((False, True), shares, strict=True)
        ]
        order = random.permutation(np.concatenate(parts))
    else:
        order = random.permutation(count)
    return order, random.integers(0, views, count)


def epoch_batches(films: tf.Tensor, labels: tf.Tensor, recipe: Recipe, epoch: int) -> tf.data.Dataset:
    """Deal the films of an epoch in batches: float32 `(batch, height, width, 1)` in [0, 255] and their labels.

    Args:
        films: uint8 `(views, n, height, width)`.
        labels: float32 `(n,)`, 1 with pneumonia; or the shares of three groups, float32 `(n, 3)`, the finding first.
    """
    shares = np.asarray(labels)
    has_finding = shares > 0 if shares.ndim == 1 else shares.argmax(axis=1) == 0
    order, view = epoch_order(has_finding, films.shape[0], recipe, epoch)

    def batch(place: tf.Tensor, of_view: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        chosen = tf.gather_nd(films, tf.stack([of_view, place], axis=1))
        return tf.cast(chosen, tf.float32)[..., tf.newaxis], tf.gather(labels, place)

    dealt = tf.data.Dataset.from_tensor_slices((order, view)).batch(recipe.batch_size)
    return dealt.map(batch, num_parallel_calls=1, deterministic=True).prefetch(2)


def _read(
    case: Case, preprocessing: Preprocessing
) -> tuple[np.ndarray, tuple[str, ...]] | UnreadableImageError | UnsuitableImageError:
    try:
        views = [read_radiograph(_content(path), "The image") for path in case.views]
    except (UnreadableImageError, UnsuitableImageError) as error:
        return error
    # As for reading; a chest that fills only part of an image is left as it is, since no network outlines lungs here.
    films = np.stack([prepare(view.pixels, preprocessing, _exposed(view.pixels))[:, :, 0] for view in views])
    return np.clip(np.rint(films), 0, 255).astype(np.uint8), tuple(view.sha256 for view in views)


def _exposed(pixels: np.ndarray) -> Window | None:
    """Find the frame of an image; what is blanked around lungs that stand alone is none, and they keep their place."""
    return None if mask_of(pixels) is not None else exposed_area(pixels)


def _content(path: Path) -> bytes:
    if path.is_symlink():
        raise UnreadableImageError(
            "The image is a link, and links are not followed. Please put the file itself there.", code="not_found"
        )
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(
            f"{path} cannot be read ({error.strerror}). Expected is that the X-rays stay where they are until the "
            "run has ended. Please bring them back and resume the run."
        ) from error


def _repeated(places: np.ndarray, count: int, random: np.random.Generator) -> np.ndarray:
    """Give so many of some places, each as often as any other but for one."""
    whole = np.tile(places, count // len(places))
    return np.concatenate([whole, random.permutation(places)[: count - len(whole)]])


def _refuse_without_memory(shape: tuple[int, ...]) -> None:
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return
    facts = dict(line.split(":", 1) for line in lines)
    free = int(facts["MemAvailable"].split()[0]) << 10
    # Once as an array, once as a tensor.
    wanted = 2 * int(np.prod(shape, dtype=np.int64)) + SPARE_BYTES
    if wanted > free:
        raise DataError(
            f"{shape[1]} X-rays of {shape[2]} x {shape[3]} pixels in {shape[0]} view(s) take about "
            f"{wanted / 2**30:.1f} GiB of memory, and {free / 2**30:.1f} GiB are free. Please choose a smaller image "
            "size or fewer X-rays, or close other programs."
        )
