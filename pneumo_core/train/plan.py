"""The plan of a training run: data, network, recipe.

The defaults, with `settings_of_start`, made the network of the shipped model.
"""

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter, ValidationError

from pneumo_core.data import GROUPS, Group, TableRules, ViewOf
from pneumo_core.errors import DataError
from pneumo_core.files import BACKBONE_WEIGHTS_VARIABLE, write_whole
from pneumo_core.train.setting import Setting, settings_of

PLAN_FILE = "plan.json"
IMAGENET, RANDOM = "imagenet", "random"
# The code of a refusal of ImageNet weights, and the ends of its sentences.
WEIGHTS_CODE = "backbone_weights"
WAY_OUT = (
    f"Please name such a file in {BACKBONE_WEIGHTS_VARIABLE} or on the page, start from the model in use, or train "
    "from scratch."
)
POPULATION = (
    "children of 1 to 5 years, frontal AP films from one hospital in Guangzhou, screened for quality (Kermany et "
    "al., Cell 172:1122, 2018)"
)
POPULATION_YEARS = (1.0, 5.0)


@dataclass(frozen=True, slots=True)
class Architecture:
    """Facts of a backbone that are known without building it.

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
# Applied in this order: patient and positioning first, then detector, then file.
Augmentation = Literal["border", "geometry", "erasing", "tone", "blur", "noise", "jpeg"]
AUGMENTATIONS: tuple[Augmentation, ...] = ("border", "geometry", "erasing", "tone", "blur", "noise", "jpeg")
# The headings under which the settings are asked for.
BACKBONE, HEAD, STAGES, OPTIMISER = "Start and backbone", "Head", "Stages", "Optimiser"
BALANCE, AUGMENTATION = "Balance and regularisation", "Augmentation"
MACHINE = "Repeatability, machine and input gate"


@dataclass(frozen=True, slots=True)
class Recipe:
    """The settings of a training run, in the order in which they are asked for; each says of itself what it is."""

    architecture: Annotated[
        str,
        Setting(
            "Backbone",
            BACKBONE,
            "The network's body. Leave it unless you want to compare backbones, or need a faster one.",
            choices=tuple(ARCHITECTURES),
            words={name: f"{name}: {architecture.in_words}" for name, architecture in ARCHITECTURES.items()},
        ),
    ] = "EfficientNetV2B0"
    size: Annotated[
        int,
        Setting(
            "Image size",
            BACKBONE,
            "X-rays are resampled to such squares. Larger ones show finer signs and take longer, by the square; 96 is "
            "for a quick trial.",
            32,
            1024,
            32,
            "pixels a side",
        ),
    ] = 224
    frozen_normalization: Annotated[
        bool,
        Setting(
            "Keep batch normalisation as it was",
            BACKBONE,
            "Its scales and its statistics of ImageNet, or of the model, hold better than those of small batches. Turn "
            "it off from scratch: random weights have no statistics yet that are worth keeping.",
            usual="true; from scratch false",
        ),
    ] = True
    pooling: Annotated[
        Literal["average", "max", "flatten"],
        Setting(
            "Feature maps become features",
            HEAD,
            "Averaged over the image, the largest value of each channel, or all of them kept. Flatten ties evidence to "
            "its place and needs more X-rays.",
        ),
    ] = "average"
    classes: Annotated[
        int,
        Setting(
            "Classes",
            HEAD,
            "With 3 the head tells other abnormalities from normal, too; its score is still the finding against the "
            "other two. Choose 3 where the labels name all three groups.",
            1,
            3,
            2,
            accepted="1 (the finding or not) or 3 (the finding, other abnormality, normal)",
        ),
    ] = 1
    dropout: Annotated[
        float,
        Setting(
            "Dropout",
            HEAD,
            "Share of features left out at random in each step, before the logit and before each dense layer. Raise it "
            "where validation falls behind training.",
            0.0,
            0.99,
            0.05,
        ),
    ] = 0.35
    dense_units: Annotated[
        tuple[int, ...],
        Setting(
            "Dense layers",
            HEAD,
            "Units of each layer between the features and the logit, parted by commas, as in 128, 32; empty for none. "
            "Add some where the backbone stays frozen.",
            1,
            4096,
        ),
    ] = ()
    activation: Annotated[
        Literal["relu", "gelu", "silu", "tanh"],
        Setting(
            "Activation of dense layers",
            HEAD,
            "It hardly matters; relu is the usual one.",
            needs="dense_units",
        ),
    ] = "relu"
    epochs: Annotated[
        int,
        Setting(
            "Epochs, at most",
            STAGES,
            "Times that all X-rays are seen, those with a frozen backbone included; the best epoch on validation is "
            "kept. Small sets need more.",
            1,
            1000,
        ),
    ] = 14
    early_stopping_epochs: Annotated[
        int,
        Setting(
            "Stop early after",
            STAGES,
            "Training ends after so many epochs without a better validation AUC; 0 for never. With a cosine, late "
            "epochs are often the best ones.",
            0,
            1000,
            unit="epochs",
        ),
    ] = 0
    fine_tune_from: Annotated[
        str,
        Setting(
            "Fine-tune the backbone from",
            STAGES,
            "Layers before it keep their weights. Choose a later block where X-rays are few, or time is.",
            words={"": "its beginning"},
            accepted="the name of a block of the backbone, or nothing for its beginning",
            usual=", ".join(f"{one.tuned_from} of {name}" for name, one in ARCHITECTURES.items() if one.tuned_from)
            + "; otherwise, and from scratch, nothing",
        ),
    ] = ""
    frozen_epochs: Annotated[
        int,
        Setting(
            "Epochs with a frozen backbone",
            STAGES,
            "So many first epochs train the head alone. A few help where the head is large; 0 trains all at once.",
            0,
            1000,
        ),
    ] = 0
    head_learning_rate: Annotated[
        float,
        Setting(
            "Learning rate of the head",
            STAGES,
            "The learning rate of the epochs with a frozen backbone. The head alone bears a higher one than the whole "
            "network.",
            1e-10,
            1.0,
            1e-4,
            needs="frozen_epochs",
        ),
    ] = 1e-3
    optimizer: Annotated[
        Literal["AdamW", "Adam", "SGD"],
        Setting(
            "Optimiser",
            OPTIMISER,
            "AdamW is Adam with weight decay. SGD (momentum 0.9) needs a higher learning rate and patience.",
        ),
    ] = "AdamW"
    peak_learning_rate: Annotated[
        float,
        Setting(
            "Peak learning rate",
            OPTIMISER,
            "It is reached after the warm-up. Lower it if the loss jumps or diverges. Raise it if nothing moves: "
            "tenfold from scratch.",
            1e-10,
            1.0,
            1e-4,
        ),
    ] = 2e-4
    schedule: Annotated[
        Literal["cosine", "constant"],
        Setting(
            "Learning rate after its peak",
            OPTIMISER,
            "A falling one lets the last epochs settle. Choose a constant one where you stop a run yourself.",
            words={"cosine": "falling to 0 by a cosine"},
        ),
    ] = "cosine"
    warm_up_epochs: Annotated[
        float,
        Setting(
            "Warm-up",
            OPTIMISER,
            "The learning rate rises for this long, which protects the knowledge of the backbone. Large rates need "
            "longer.",
            0.0,
            1000.0,
            0.5,
            "epochs",
        ),
    ] = 1.0
    batch_size: Annotated[
        int,
        Setting(
            "Batch",
            OPTIMISER,
            "X-rays in each step. Lower it if memory does not suffice. Then lower the learning rate alike.",
            1,
            1024,
            unit="X-rays",
        ),
    ] = 32
    gradient_clip: Annotated[
        float,
        Setting(
            "Gradient norm, at most",
            OPTIMISER,
            "The largest norm of all gradients together. A single odd batch then moves the weights no further. 0 "
            "means no bound.",
            0.0,
            1000.0,
            0.5,
        ),
    ] = 1.0
    averaging_momentum: Annotated[
        float,
        Setting(
            "Weight averaging",
            OPTIMISER,
            "Momentum of the moving average of all weights, per step. 0 means none. Both are validated, the better "
            "one is kept. Lower it for runs of few steps.",
            0.0,
            0.99999,
            0.001,
        ),
    ] = 0.995
    weight_decay: Annotated[
        float,
        Setting(
            "Weight decay",
            OPTIMISER,
            "AdamW pulls the weights towards 0 by this much. Raise it where validation falls behind training.",
            0.0,
            1.0,
            0.01,
            needs="optimizer",
            needs_value="AdamW",
        ),
    ] = 1e-2
    balance: Annotated[
        Literal["class weights", "balanced sampling", "none"],
        Setting(
            "Balance for the rarer class",
            BALANCE,
            "Weights let its X-rays count more in the loss. Sampling shows them more often, for a class that is very "
            "rare. Choose none where the classes are alike.",
        ),
    ] = "class weights"
    label_smoothing: Annotated[
        float,
        Setting(
            "Label smoothing",
            BALANCE,
            "Labels are taken as a little less than certain, so that wrong labels do less harm. Raise it where you "
            "doubt them.",
            0.0,
            0.99,
            0.01,
        ),
    ] = 0.06
    augmentation_strength: Annotated[
        float,
        Setting(
            "Strength",
            AUGMENTATION,
            "1 is the default, 0 none at all; all ranges grow with it. Raise it where validation falls behind "
            "training, or X-rays come from several machines. Lower it if images come out like nothing that you would "
            "ever read.",
            0.0,
            2.0,
            0.1,
        ),
    ] = 1.0
    augmentations: Annotated[
        tuple[Augmentation, ...],
        Setting(
            "Kinds",
            AUGMENTATION,
            "Geometry: turn, shift, zoom, stretch, mirror. Border: margins of one grey, or of another X-ray. "
            "Erasing: a rectangle set to grey. Tone: gamma, contrast, brightness. Take one out to see its effect, or "
            "where it destroys findings on your X-rays.",
        ),
    ] = AUGMENTATIONS
    seed: Annotated[
        int,
        Setting(
            "Seed of the run",
            MACHINE,
            "The same plan and seed give the same model on the same machine. Another one shows how much is chance.",
            0,
            2**31 - 1,
        ),
    ] = 7
    mixed_precision: Annotated[
        bool,
        Setting(
            "Mixed precision",
            MACHINE,
            "Half of the numbers' bits on a GPU: faster, less memory. The model that is kept has all of them. Without "
            "a GPU the run refuses it.",
        ),
    ] = False
    fit_input_gate: Annotated[
        bool,
        Setting(
            "Fit an input gate",
            MACHINE,
            "After the last epoch the model learns to refuse anything but an upright, whole chest X-ray. That takes "
            "minutes for thousands of X-rays. Turn it off for a quick lesson.",
        ),
    ] = True
    validation_share: Annotated[
        float,
        Setting(
            "Patients to validate with",
            MACHINE,
            "Share of the patients of train and val, where no split made before says who they are. They choose epoch, "
            "temperature and thresholds. More of them make these choices surer, fewer leave more to train on.",
            0.01,
            0.99,
            0.01,
            "%",
        ),
    ] = 0.15


SETTINGS = settings_of(Recipe())


@dataclass(frozen=True, slots=True)
class PlannedSource:
    """A folder of X-rays that a plan trains on together with others; its files lie as `list_xrays` says.

    Attributes:
        labels: groups of labels of its table by their words; None leaves X-rays of that label out.
        label: the group of X-rays without a label.
        view_of: of X-rays of which the table does not tell it.
        population: the name of the planned population that all are of; "" where the age tells it.
        weight: how much each X-ray counts.
        is_kept_out: its patients are trained on nowhere, so that its X-rays stay a check.
    """

    folder: Path
    labels: dict[str, Group | None] = dataclasses.field(default_factory=dict)
    label: Group | None = None
    view_of: ViewOf = ""
    population: str = ""
    weight: float = 1.0
    is_kept_out: bool = False

    @property
    def rules(self) -> TableRules:
        """How its table is read."""
        return TableRules(self.labels, self.label, self.view_of, self.weight)


@dataclass(frozen=True, slots=True)
class PlannedGroup:
    """X-rays of which each epoch shows so many: some groups of some sources, as they are, as lungs or as composites.

    Attributes:
        name: a few words.
        sources: the names of their folders.
        of: their groups.
        images: in each epoch, drawn anew; with replacement where there are fewer.
        shown_as: as they lie there; as lungs view alone (`lungs_view`); or as masked lungs in the body of a normal
            X-ray of `bodies` (`compose`).
        bodies: names of the folders of whole normal X-rays, for composites.
        ap_share: how many of the images are AP; None as they come.
        weight: how much each image counts in the loss.
    """

    name: str
    sources: tuple[str, ...]
    of: tuple[Group, ...] = GROUPS
    images: Annotated[int, Field(ge=1, le=1_000_000)] = 1_000
    shown_as: Literal["as they are", "lungs", "composites"] = "as they are"
    bodies: tuple[str, ...] = ()
    ap_share: Annotated[float, Field(ge=0, le=1)] | None = None
    weight: Annotated[float, Field(gt=0, le=100)] = 1.0


@dataclass(frozen=True, slots=True)
class PlannedPopulation:
    """Patients for whom the model gets points of its own: their name, in words, their years, and a flag's name.

    Attributes:
        limitations: what the card says of them alone.
        balanced_sensitivity: what the sensitivity of the balanced point has to reach; None where both rates are to be
            balanced.
    """

    name: Annotated[str, Field(pattern="^[a-z][a-z0-9-]{0,39}$")]
    description: str
    years: tuple[float, float]
    finding: str = "suspected pneumonia"
    limitations: tuple[str, ...] = ()
    balanced_sensitivity: Annotated[float, Field(gt=0, lt=1)] | None = None


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
        sources: the folders of a run on several, `data` the first of them; empty for `data` alone.
        groups: what each epoch shows of them; empty for all that there is, as a recipe says.
        populations: for whom the model is; empty for `population` alone.
        segmenter: a network that outlines lungs, for groups of lungs views and composites; None where the lungs of
            the same X-rays stand alone in a source.
    """

    data: Path
    out: Path
    recipe: Recipe = dataclasses.field(default_factory=Recipe)
    copies: tuple[Path, ...] = ()
    manifest: Path | None = None
    start: str = IMAGENET
    population: str = POPULATION
    population_years: tuple[float, float] = POPULATION_YEARS
    sources: tuple[PlannedSource, ...] = ()
    groups: tuple[PlannedGroup, ...] = ()
    populations: tuple[PlannedPopulation, ...] = ()
    segmenter: Path | None = None

    @property
    def folders(self) -> tuple[Path, ...]:
        """All folders of X-rays but for the copies."""
        return tuple(source.folder for source in self.sources) or (self.data,)


def groups_in_words(plan: Plan) -> dict[str, Any]:
    """Give sources, groups and populations of a plan as plain data for a card: names of folders, and no path."""
    if not plan.groups:
        return {}
    found: dict[str, Any] = _PLAN.dump_python(plan, mode="json")
    sources = [source | {"folder": Path(source["folder"]).name} for source in found["sources"]]
    return {"sources": sources, "groups": found["groups"], "populations": found["populations"]}


def sources_of(data: Path, more: Sequence[Path]) -> tuple[PlannedSource, ...]:
    """Give the sources of a plan on several folders that are read as they are; none for one folder alone."""
    return tuple(PlannedSource(folder) for folder in (data, *more)) if more else ()


# The code of every refusal of a recipe.
_CODE = "setting"
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
    unknown = settings.keys() - SETTINGS.keys()
    if unknown:
        raise DataError(
            f"A recipe has no setting '{min(unknown)[:40]}'. Please choose among: {', '.join(SETTINGS)}.", _CODE
        )
    try:
        # JSON would bring them as text: "0.1" is a number, too.
        recipe = _RECIPE.validate_python(settings)
    except ValidationError as error:
        name = str(error.errors()[0]["loc"][0])
        raise _refused(name, settings[name], SETTINGS[name].expected) from error
    if recipe.classes == 2:
        raise _refused("classes", recipe.classes, SETTINGS["classes"].expected)
    blocks = ARCHITECTURES[recipe.architecture].blocks
    if recipe.fine_tune_from and recipe.fine_tune_from not in blocks:
        expected = f"one of {', '.join(blocks)}, or nothing for the beginning of {recipe.architecture}"
        raise _refused("fine_tune_from", recipe.fine_tune_from, expected)
    if recipe.frozen_epochs > recipe.epochs:
        raise DataError(
            f"{recipe.frozen_epochs} epochs with a frozen backbone are more than the {recipe.epochs} of the whole "
            "run. Expected are at most as many. Please choose fewer, or more epochs.",
            _CODE,
        )
    return recipe


def _refused(name: str, value: Any, expected: str) -> DataError:
    found = ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    return DataError(
        f"The setting {name} ({SETTINGS[name].label}) is '{found[:40]}'. Expected: {expected}. Please change it.", _CODE
    )


def recipe_settings(recipe: Recipe) -> dict[str, Any]:
    """Give a recipe as plain data, by the settings' names."""
    settings: dict[str, Any] = _RECIPE.dump_python(recipe, mode="json")
    return settings


def plan_of_file(path: Path, out: Path, place: Path | None = None) -> Plan:
    """Read a plan that a person wrote: JSON with the fields of `Plan`, folders below a place, and no `out`.

    Its recipe names settings that differ from those of its start; `start` may be a model's folder or a weights file.

    Args:
        out: the new model's folder.
        place: where its folders lie; the plan's own folder unless given.

    Raises:
        DataError: it cannot be read, or is none.
    """
    root = path.parent if place is None else place
    try:
        fields = json.loads(path.read_bytes())
        sources = [source | {"folder": root / source["folder"]} for source in fields.pop("sources")]
        settings = fields.pop("recipe", {})
        start = fields.pop("start", IMAGENET)
        usual = settings_of_start(settings.get("architecture", Recipe().architecture), start)
        recipe = checked_recipe(usual | settings)
        given = {name: root / fields.pop(name) for name in ("segmenter", "manifest") if fields.get(name)}
        copies = [root / copy for copy in fields.pop("copies", [])]
        start = str(root / start) if (root / start).exists() else start
        whole = fields | given | {"sources": sources, "copies": copies, "start": start, "out": out}
        plan = _PLAN.validate_python(whole | {"data": sources[0]["folder"], "recipe": recipe})
    except (OSError, ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
        where = f" at {'.'.join(map(str, error.errors()[0]['loc']))[:80]}" if isinstance(error, ValidationError) else ""
        raise DataError(
            f"{path.name} is no plan that can be read{where}. Expected is JSON with sources, groups, populations and a "
            "recipe, as in docs/plans. Please correct it.",
            "plan",
        ) from error
    return plan


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
