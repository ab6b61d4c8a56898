"""What a training run is to do: data, network, recipe.

The defaults, with `settings_of_start`, made the network of the shipped model.
"""

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter, ValidationError

from pneumo_core.errors import DataError
from pneumo_core.whole_file import write_whole

PLAN_FILE = "plan.json"
IMAGENET, RANDOM = "imagenet", "random"
POPULATION = (
    "children of 1 to 5 years, frontal AP films from one hospital in Guangzhou, screened for quality "
    "(Kermany et al., Cell 172:1122, 2018)"
)
POPULATION_YEARS = (1.0, 5.0)


@dataclass(frozen=True, slots=True)
class Architecture:
    """What is known of a backbone without building it.

    `blocks` are starts of layer names, from the film to the features: fine-tuning may begin at any of them, and begins
    at `tuned_from` where nothing else is asked for; "" for the beginning.
    """

    blocks: tuple[str, ...]
    has_imagenet_weights: bool
    in_words: str
    tuned_from: str = ""


ARCHITECTURES = {
    "EfficientNetV2B0": Architecture(
        ("stem", "block1", "block2", "block3", "block4", "block5", "block6", "top"),
        True,
        "5.9 million weights (Tan and Le 2021); the shipped model's",
        "block4",
    ),
    "EfficientNetB0": Architecture(
        ("stem", "block1", "block2", "block3", "block4", "block5", "block6", "block7", "top"),
        True,
        "4.0 million weights (Tan and Le 2019)",
    ),
    "ResNet50": Architecture(
        ("conv1", "conv2", "conv3", "conv4", "conv5"), True, "23.6 million weights (He et al. 2016)"
    ),
    "VGG16": Architecture(
        ("block1", "block2", "block3", "block4", "block5"),
        True,
        "14.7 million weights (Simonyan and Zisserman 2015); slow, and without batch normalisation",
    ),
    "MobileNetV3Large": Architecture(
        ("conv", "expanded_conv", "expanded_conv_3", "expanded_conv_6", "expanded_conv_12", "conv_1"),
        True,
        "3.0 million weights (Howard et al. 2019); the fastest of those that ImageNet has taught",
    ),
    "SmallCNN": Architecture(
        ("block1", "block2", "block3"), False, "6 thousand weights, for teaching: it learns from scratch in seconds"
    ),
}
# In the order in which nature and technique would do it.
Augmentation = Literal["border", "geometry", "erasing", "tone", "blur", "noise", "jpeg"]
AUGMENTATIONS: tuple[Augmentation, ...] = ("border", "geometry", "erasing", "tone", "blur", "noise", "jpeg")

Share = Annotated[float, Field(ge=0, lt=1)]
Count = Annotated[int, Field(ge=0)]


@dataclass(frozen=True, slots=True)
class Recipe:
    """The settings of a training run.

    Attributes:
        architecture: a key of `ARCHITECTURES`.
        size: side of the network's square input, pixels.
        pooling: how feature maps become features: averaged or their largest value a channel, or all kept ("flatten").
        dense_units: units of the dense layers between the features and the logit.
        activation: of these dense layers.
        dropout: share of the features dropped in training, before the logit and before each dense layer.
        frozen_epochs: so many first epochs train the head alone, at `head_learning_rate`.
        fine_tune_from: from the first layer whose name starts so the backbone is trained; "" for all of it.
        frozen_normalization: batch normalisation keeps its statistics and scales as they were.
        epochs: at most, those with a frozen backbone included.
        early_stopping_epochs: training ends after so many epochs without a better validation AUC; 0 for never.
        peak_learning_rate: reached after `warm_up_epochs`; then constant, or falling to 0 by a cosine.
        weight_decay: of AdamW.
        gradient_clip: largest norm of all gradients together; 0 for any.
        averaging_momentum: of the moving average of all weights, a step; 0 for none.
        balance: how the rarer class is made up for.
        augmentation_strength: 1 is the default, 0 none at all; all ranges grow with it.
        augmentations: which of `AUGMENTATIONS`.
        mixed_precision: half of the numbers' bits on a GPU; the model that is kept has all of them.
        validation_share: of the patients of train and val, where no manifest says otherwise.
        fit_input_gate: at the end the model gets a learned judgement of what is no chest X-ray to be read.
    """

    architecture: str = "EfficientNetV2B0"
    size: Annotated[int, Field(ge=32, le=1024)] = 224
    pooling: Literal["average", "max", "flatten"] = "average"
    dense_units: tuple[Annotated[int, Field(ge=1, le=4096)], ...] = ()
    activation: Literal["relu", "gelu", "silu", "tanh"] = "relu"
    dropout: Share = 0.35
    frozen_epochs: Count = 0
    head_learning_rate: Annotated[float, Field(gt=0, le=1)] = 1e-3
    fine_tune_from: str = ""
    frozen_normalization: bool = True
    epochs: Annotated[int, Field(ge=1, le=1000)] = 14
    early_stopping_epochs: Count = 0
    batch_size: Annotated[int, Field(ge=1, le=1024)] = 32
    optimizer: Literal["AdamW", "Adam", "SGD"] = "AdamW"
    peak_learning_rate: Annotated[float, Field(gt=0, le=1)] = 2e-4
    schedule: Literal["cosine", "constant"] = "cosine"
    warm_up_epochs: Annotated[float, Field(ge=0)] = 1.0
    weight_decay: Annotated[float, Field(ge=0, le=1)] = 1e-2
    gradient_clip: Annotated[float, Field(ge=0)] = 1.0
    label_smoothing: Share = 0.06
    averaging_momentum: Share = 0.995
    balance: Literal["class weights", "balanced sampling", "none"] = "class weights"
    augmentation_strength: Annotated[float, Field(ge=0, le=2)] = 1.0
    augmentations: tuple[Augmentation, ...] = AUGMENTATIONS
    mixed_precision: bool = False
    validation_share: Annotated[float, Field(gt=0, lt=1)] = 0.15
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 7
    fit_input_gate: bool = True


@dataclass(frozen=True, slots=True)
class Plan:
    """A training run before it is begun.

    Attributes:
        data: holds train, val and test, each with NORMAL and PNEUMONIA.
        out: the new model's folder, named as the model.
        copies: further copies of the same films, used as other views of them, and tested separately.
        manifest: a CSV that says which film is where; without it train and val are joined and split by patient.
        start: "imagenet" (Keras' own download), "random", a `.weights.h5` file of the backbone without its top, or
            a model's folder, whose backbone is taken over, and the head where it fits.
        population, population_years: whose films these are, and their lowest and highest age.
    """

    data: Path
    out: Path
    recipe: Recipe = dataclasses.field(default_factory=Recipe)
    copies: tuple[Path, ...] = ()
    manifest: Path | None = None
    start: str = IMAGENET
    population: str = POPULATION
    population_years: tuple[float, float] = POPULATION_YEARS


_RECIPE, _PLAN = TypeAdapter(Recipe), TypeAdapter(Plan)


def settings_of_start(architecture: str, start: str) -> dict[str, Any]:
    """Give the settings that go with a start where nothing else is asked for.

    A network from scratch has neither normalisation nor lower blocks that are worth keeping.
    """
    is_taught = start != RANDOM
    return {
        "architecture": architecture,
        "frozen_normalization": is_taught,
        "fine_tune_from": ARCHITECTURES[architecture].tuned_from if is_taught else "",
    }


def checked_recipe(settings: dict[str, Any]) -> Recipe:
    """Make a recipe of settings by their names; what is not named is the default.

    Raises:
        DataError: a setting is none of a recipe, or has a value that makes no sense.
    """
    unknown = settings.keys() - {field.name for field in dataclasses.fields(Recipe)}
    if unknown:
        names = ", ".join(field.name for field in dataclasses.fields(Recipe))
        raise DataError(f"A recipe has no setting '{min(unknown)}'. Please choose among: {names}.")
    try:
        # As JSON would bring them: "0.1" is a number, too.
        recipe = _RECIPE.validate_python(settings)
    except ValidationError as error:
        first = error.errors()[0]
        name = first["loc"][0] if first["loc"] else "?"
        wanted = first["msg"][:1].lower() + first["msg"][1:]
        raise DataError(
            f"The setting {name} is {str(settings.get(str(name)))[:40]!r}: {wanted}. Please change it."
        ) from error
    architecture = ARCHITECTURES.get(recipe.architecture)
    if architecture is None:
        raise DataError(
            f"'{recipe.architecture[:40]}' is no backbone of this project. Please choose one of: "
            f"{', '.join(ARCHITECTURES)}."
        )
    if recipe.fine_tune_from and recipe.fine_tune_from not in architecture.blocks:
        raise DataError(
            f"'{recipe.fine_tune_from[:40]}' is no block of {recipe.architecture} to fine-tune from. Please choose one "
            f"of: {', '.join(architecture.blocks)}."
        )
    if recipe.frozen_epochs > recipe.epochs:
        raise DataError(
            f"{recipe.frozen_epochs} epochs with a frozen backbone are more than the {recipe.epochs} of the whole "
            "run. Please choose fewer, or more epochs."
        )
    return recipe


def recipe_settings(recipe: Recipe) -> dict[str, Any]:
    """Give a recipe as plain data, by the settings' names."""
    settings: dict[str, Any] = _RECIPE.dump_python(recipe, mode="json")
    return settings


def write_plan(plan: Plan, folder: Path) -> None:
    """Write a plan into a run's folder."""
    write_whole(folder / PLAN_FILE, _PLAN.dump_json(plan, indent=2) + b"\n")


def read_plan(folder: Path) -> Plan:
    """Read the plan of a run.

    Raises:
        DataError: the folder holds none, or one of another version.
    """
    try:
        return _PLAN.validate_json((folder / PLAN_FILE).read_bytes())
    except (OSError, ValidationError) as error:
        raise DataError(
            f"{folder.name} holds no plan of a training run that can be read. Please name a run's folder, or begin"
            " anew."
        ) from error
