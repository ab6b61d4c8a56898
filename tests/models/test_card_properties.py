"""Whatever is changed in a card's file, it is a card that can be written again, or it is refused."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from pneumo_core.errors import ModelError
from pneumo_core.models.card import CARD_FILE, NETWORK_FILE, card_text, read_card, write_card
from tests.makers import WEIGHTS, model_card

NUMBERS = st.one_of(st.integers(), st.floats(), st.sampled_from([0, -1, 0.5, 1, 1.5, 60, 10**9, 10**400, 2**63, 1e308]))
LEAVES = st.one_of(st.none(), st.booleans(), NUMBERS, st.text(max_size=8), st.sampled_from(["ab" * 32, "nan", "![x]"]))
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=6), inner, max_size=3)),
    max_leaves=5,
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model's folder with a right card."""
    folder = tmp_path_factory.mktemp("model")
    (folder / NETWORK_FILE).write_bytes(WEIGHTS)
    write_card(model_card(), folder)
    return folder


@pytest.fixture(scope="module")
def fields(folder: Path) -> dict[str, Any]:
    """What its file holds."""
    return json.loads((folder / CARD_FILE).read_text())


def places_in(value: Any) -> list[tuple[Any, Any]]:
    """Give each place of a JSON value: the group or list that it is in, and its name or number there."""
    inside = list(value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ())
    return [(value, key) for key, _ in inside] + [place for _, inner in inside for place in places_in(inner)]


def assert_read_or_refused(folder: Path, content: bytes) -> None:
    (folder / CARD_FILE).write_bytes(content)
    try:
        card = read_card(folder)
    except ModelError as refusal:
        assert refusal.code == "model"
        return
    # What was read is whole: every sentence can be made of it, and it comes back as it was written.
    assert card.name in card_text(card)
    write_card(card, folder)
    first = (folder / CARD_FILE).read_bytes()
    write_card(read_card(folder), folder)
    assert (folder / CARD_FILE).read_bytes() == first


@settings(max_examples=200)
@given(data=st.data())
def test_a_card_with_changed_fields_is_read_or_refused(folder: Path, fields: dict[str, Any], data: st.DataObject):
    changed = copy.deepcopy(fields)
    for _ in range(data.draw(st.integers(1, 2))):
        group, key = data.draw(st.sampled_from(places_in(changed)))
        if data.draw(st.booleans()):
            group[key] = data.draw(VALUES)
        elif isinstance(group, dict) and data.draw(st.booleans()):
            group[data.draw(st.text(max_size=6))] = data.draw(VALUES)
        else:
            del group[key]
    assert_read_or_refused(folder, json.dumps(changed).encode())


@given(data=st.data())
def test_a_card_with_changed_bytes_is_read_or_refused(folder: Path, fields: dict[str, Any], data: st.DataObject):
    content = bytearray(json.dumps(fields).encode())
    places = st.tuples(
        st.integers(0, len(content) - 1), st.one_of(st.sampled_from(b'"\\,:[]{}0-.eu'), st.integers(0, 255))
    )
    for place, value in data.draw(st.lists(places, min_size=1, max_size=3)):
        content[place] = value
    assert_read_or_refused(folder, bytes(content))
