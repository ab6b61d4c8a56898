"""The sentences of this room, each beside what provokes it. Other tests hold classes, codes and tags."""

from pathlib import Path

import numpy as np
import pytest

from pneumo_core.errors import ModelError, UnsuitableImageError
from pneumo_core.gate.input_gate import GATE_FILE, KINDS, Verdict, read_gate, write_gate
from pneumo_core.gate.quality import refuse_clipped
from pneumo_core.gate.suitability import assess, refuse_by, suitability_for_age
from tests.gate.test_input_gate import WEIGHTS, gate
from tests.gate.test_quality import with_
from tests.gate.test_suitability import of_contrast
from tests.makers import radiograph
from tests.test_prose import MOST_WORDS, faults

YEARS = ((1.0, 5.0),)
CAUTIONS = {
    "white": (
        with_(white=0.3),
        "30 % of the middle of this image is plain white, without detail. At most 5 % is expected. The exposure was "
        "poor, or the export window was too narrow. Please export it again with the device's own window.",
    ),
    "dark": (
        with_(middle=0.1),
        "This image is dark: half of its middle is below 10 % of the range. At least 25 % is expected. Please export "
        "it again with the device's own window.",
    ),
    "flat": (
        with_(spread=0.1),
        "This image has little contrast: its middle spans 10 % of the range. At least 15 % is expected. Please export "
        "it again with the device's own window.",
    ),
    "blurred": (
        with_(sharpness=0.2),
        "This image is blurred, or was enlarged from a small copy (sharpness 0.20; expected: at least 0.35). Fine "
        "signs cannot be seen on it. Please upload the X-ray as the device exported it.",
    ),
    "turned": (
        with_(degrees=-14.2),
        "The chest seems to be turned by about 14 degrees counter-clockwise. It should be upright within 10 degrees, "
        "because turning can change the score. Please turn the image and upload it again.",
    ),
    "cut off": (
        with_(missing=(0.2, 0.0, 0.0, 0.25)),
        "Part of the chest seems to be cut off or off-centre. The image lacks about 20 % at its left and 25 % at its "
        "bottom. Both whole lungs should be visible, because missing parts are not read. Please upload the uncut "
        "X-ray.",
    ),
    "writing": (
        with_(letters=12),
        "A line of about 12 letters is burned into this image. At most a side marker is expected. The line may name "
        "the patient. Please check it before you share the image, and have it removed.",
    ),
    "framed": (
        with_(frame=(0.02, 0.02, 0.04, 0.0)),
        "This image has a plain white or black frame, up to 4 % of its side wide. No frame is expected, because a "
        "frame can raise the score. So the network reads what lies inside it. Please check that no part of the chest "
        "lies in the frame.",
    ),
}
REFUSALS = {
    "colour": (
        lambda: assess(radiograph(name="scan.png", colour=0.1), YEARS),
        "scan.png is a colour picture. A greyscale X-ray is expected. Please upload the X-ray itself, not a photograph "
        "or a coloured overlay of it.",
    ),
    "colour in a part": (
        lambda: assess(radiograph(name="scan.png", colour_patch=0.03), YEARS),
        "scan.png has a part in colour, as under a heat map or a drawing. A greyscale X-ray is expected. Please upload "
        "the X-ray itself, without anything drawn on it.",
    ),
    "blank": (
        lambda: assess(radiograph(name="scan.png", pixels=of_contrast(0.02)), YEARS),
        "scan.png is almost blank (its grey levels span 2 % of the range). An X-ray has visible structure. Please "
        "check the export.",
    ),
    "shape": (
        lambda: assess(radiograph(name="scan.png", height=100, width=260), YEARS),
        "scan.png is 260 x 100 pixels, 2.6 times as long as wide. A whole chest X-ray is at most 2.5 times as long as "
        "wide. Please upload the uncut X-ray.",
    ),
    "lateral": (
        lambda: assess(radiograph(name="scan.png", view_position="LL"), YEARS),
        "scan.png is a lateral view (LL). The network knows upright frontal views only. Please upload the frontal "
        "X-ray (AP or PA).",
    ),
    "decubitus": (
        lambda: assess(radiograph(name="scan.png", view_position="RLD"), YEARS),
        "scan.png is taken lying on the side (RLD). The network knows upright frontal views only. Please upload the "
        "frontal X-ray (AP or PA).",
    ),
    "oblique": (
        lambda: assess(radiograph(name="scan.png", view_position="LLO"), YEARS),
        "scan.png is an oblique view (LLO). The network knows upright frontal views only. Please upload the frontal "
        "X-ray (AP or PA).",
    ),
    "clipped": (
        lambda: refuse_clipped(with_(white=0.5, black=0.4), "scan.png"),
        "scan.png is plain white or black in 90 % of its middle, without detail. At most 60 % is expected. Please "
        "export it again with the device's own window.",
    ),
    "turned": (
        lambda: refuse_by(Verdict("turned left", 0.1, True), "scan.png"),
        "scan.png seems to be turned by 90 degrees to the left. The network reads upright X-rays only. Please turn it "
        "back.",
    ),
    "inverted": (
        lambda: refuse_by(Verdict("inverted", 0.1, True), "scan.png"),
        "scan.png seems to be inverted, with air white and bone black. The network reads X-rays with air black and "
        "bone white only. Please invert it back.",
    ),
    "other": (
        lambda: refuse_by(Verdict("other", 0.1, True), "scan.png"),
        "scan.png does not look like a chest X-ray. The network reads upright frontal chest X-rays only. Please upload "
        "one.",
    ),
}


@pytest.mark.parametrize(("quality", "sentence"), CAUTIONS.values(), ids=CAUTIONS)
def test_a_caution_gives_the_finding_the_expected_value_and_the_next_step(quality, sentence: str):
    assert [caution.warning for caution in quality.cautions] == [sentence]
    assert faults(sentence, MOST_WORDS) == []


@pytest.mark.parametrize(("provoke", "sentence"), REFUSALS.values(), ids=REFUSALS)
def test_a_refusal_gives_the_finding_the_expected_image_and_the_next_step(provoke, sentence: str):
    with pytest.raises(UnsuitableImageError) as refusal:
        provoke()
    assert str(refusal.value) == sentence
    assert faults(sentence, MOST_WORDS) == []


@pytest.mark.parametrize("kind", KINDS)
def test_every_refusal_of_the_gate_is_plain_and_asks_for_something(kind: str):
    with pytest.raises(UnsuitableImageError, match=r"^scan\.png .+ Please .+\.$") as refusal:
        refuse_by(Verdict(kind, 0.1, True), "scan.png")
    assert faults(str(refusal.value), MOST_WORDS) == []


def test_the_age_is_said_with_its_source():
    (warning,) = suitability_for_age(71.0, YEARS, "the given age is").warnings
    assert warning == (
        "This score is not validated for this patient: the given age is 71 years. The network knows X-rays of children "
        "of 1 to 5 years only."
    )


def test_a_gate_that_is_damaged_or_of_other_weights_is_said_so(tmp_path: Path):
    write_gate(gate(), tmp_path)
    with pytest.raises(ModelError) as refusal:
        read_gate(tmp_path, "cd" * 32)
    assert str(refusal.value) == (
        "input_gate.npz belongs to other weights than the model's. Please copy the whole model folder again, or fit "
        "the gate again."
    )
    (tmp_path / GATE_FILE).write_bytes(np.zeros(3).tobytes())
    with pytest.raises(ModelError) as refusal:
        read_gate(tmp_path, WEIGHTS)
    assert str(refusal.value) == (
        "input_gate.npz of the model is damaged, or not as training writes it. Please copy the whole model folder "
        "again, or fit the gate again."
    )
