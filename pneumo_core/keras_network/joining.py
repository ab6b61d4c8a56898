"""Networks joined to one flat graph: several that see the same film, or one of the film and one of its lungs."""

import hashlib
import json
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import layers

from pneumo_core.errors import ModelError
from pneumo_core.keras_network.heads import FINDING, LOGIT, OTHER, head_of_three, head_of_two, other_logit
from pneumo_core.keras_network.layers import JOINED_MAPS, LUNGS_PREFIX, body_and_head, put_weights
from pneumo_core.keras_network.lungs_view import lungs_view


def join_networks(
    networks: Sequence[keras.Model], explained_layers: Sequence[str], shares: Sequence[float]
) -> keras.Model:
    """Join networks of two classes to one flat graph whose logit is the weighted sum of theirs.

    Layers that do the same to the same maps with the same weights, such as backbones that were frozen up to a block,
    are there once. The feature maps of all are explained together, in the layer `JOINED_MAPS`.

    Args:
        networks: on films of one size, each with its pooled maps straight to its logit.
        explained_layers: of each, with feature maps of one size.
        shares: of each, what its logit is multiplied by.

    Raises:
        ModelError: they cannot be joined.
    """
    parts = [body_and_head(network, layer) for network, layer in zip(networks, explained_layers, strict=True)]
    for place, (_, head) in enumerate(parts, start=1):
        if _dense_on_average(head) != 1 or not isinstance(head.layers[-1], layers.Dense):
            raise ModelError(
                f"Network {place} of those to be joined has more between its feature maps and its logit than their "
                "average. Expected are average pooling, no dense layer, and two classes in each. Please choose others.",
                code="network_join",
            )
    film = keras.Input(networks[0].input_shape[1:], name="film")
    copies = _Copies()
    joined = keras.Model(film, head_of_two(_pooled([copies.of(body, film) for body, _ in parts])), name="pneumo_joined")
    _set_dense(joined.get_layer(LOGIT), [head.layers[-1] for _, head in parts], shares)
    put_weights(joined, joined.get_weights())
    return joined


def join_views(
    networks: tuple[keras.Model, keras.Model],
    explained_layers: tuple[str, str],
    segmenter: keras.Model,
    shares: tuple[float, float] = (0.5, 0.5),
) -> keras.Model:
    """Join a network for whole films, one for lungs views and a segmenter to one flat graph, from film to logit.

    In it the segmenter's layers have names that begin with `LUNGS_PREFIX`, and its outline makes the lungs view of the
    film. The feature maps of both views are explained together, in `JOINED_MAPS`: both have the film's geometry.

    Args:
        networks: of three classes, with average pooling; the second one was trained on lungs views.
        explained_layers: of each, with feature maps of one size.
        segmenter: float32 `(n, height, width, 1)` in [0, 255] -> logit of lung `(n, rows, columns, 1)`.
        shares: of each, what its two log odds are multiplied by before they are added.

    Raises:
        ModelError: they cannot be joined.
    """
    parts = [body_and_head(network, layer) for network, layer in zip(networks, explained_layers, strict=True)]
    for view, network, (_, head) in zip(("whole X-rays", "lungs views"), networks, parts, strict=True):
        if _dense_on_average(head) != 2 or other_logit(network) is None:
            raise ModelError(
                f"The network for {view} has another head than expected. Expected are average pooling and three "
                "classes, with no dense layer between. Please choose another network.",
                code="network_join",
            )
    sizes = {one.input_shape[1:] for one in (*networks, segmenter)}
    if len(sizes) > 1:
        found = " and ".join(sorted(" x ".join(map(str, size)) for size in sizes))
        raise ModelError(
            f"The networks to be joined take images of {found}. Expected is one size for both networks and the "
            "segmenter. Please choose such.",
            code="network_join",
        )
    film = keras.Input(networks[0].input_shape[1:], name="film")
    copies = _Copies()
    whole = copies.of(parts[0][0], film)
    inside = copies.of(parts[1][0], lungs_view(film, copies.of(segmenter, film, LUNGS_PREFIX)))
    joined = keras.Model(film, head_of_three(_pooled([whole, inside])), name="pneumo_two_views")
    for name in (FINDING, OTHER):
        _set_dense(joined.get_layer(name), [head.get_layer(name) for _, head in parts], shares)
    put_weights(joined, joined.get_weights())
    return joined


def _dense_on_average(head: keras.Model) -> int:
    """Count the dense layers of a head that takes the average of its maps; 0 where it does more to them."""
    kinds = [type(layer) for layer in head.layers if not isinstance(layer, layers.Dropout)]
    averaged = kinds[:2] == [layers.InputLayer, layers.GlobalAveragePooling2D]
    return kinds.count(layers.Dense) if averaged and layers.Dense in kinds[2:3] else 0


def _pooled(maps: Sequence[keras.KerasTensor]) -> keras.KerasTensor:
    if len({one.shape[1:3] for one in maps}) > 1:
        raise ModelError(
            "The networks to be joined have feature maps of different sizes. Expected are models whose heat maps are "
            "equally fine. Please choose such.",
            code="network_join",
        )
    return layers.GlobalAveragePooling2D(name="pooled")(layers.Concatenate(name=JOINED_MAPS)(maps))


def _set_dense(joined: keras.layers.Dense, parts: Sequence[keras.layers.Dense], shares: Sequence[float]) -> None:
    """Let a dense layer on joined maps give the weighted sum of what the parts' own layers give."""
    weights = [[share * weight for weight in part.get_weights()] for part, share in zip(parts, shares, strict=True)]
    joined.set_weights([np.concatenate([kernel for kernel, _ in weights]), sum(bias for _, bias in weights)])


class _Copies:
    """Bodies built again in one graph. Layers that do the same to the same maps are there once."""

    def __init__(self) -> None:
        self._made: dict[tuple[object, ...], keras.KerasTensor] = {}
        # A network that was joined before has such layers, too.
        self._names = {JOINED_MAPS, "pooled", LOGIT, FINDING, OTHER}

    def of(self, body: keras.Model, given: keras.KerasTensor, prefix: str = "") -> keras.KerasTensor:
        """Build a body again on `given`, and give what it gives. The names of its layers begin with the prefix."""
        originals: dict[int, Any] = {}
        last = given

        def clone(layer: Any) -> Any:
            name = self._free(layer.name if layer.name.startswith(prefix) else prefix + layer.name)
            copy = type(layer).from_config(layer.get_config() | {"name": name})
            originals[id(copy)] = layer
            return copy

        def call(copy: Any, *inputs: Any, **settings: Any) -> Any:
            # A body on a view is no model of its own, so the clone's output cannot be taken.
            nonlocal last
            last = self._once(copy, originals[id(copy)], inputs, settings)
            return last

        keras.models.clone_model(body, given, clone, call)
        return last

    def _free(self, name: str) -> str:
        free, count = name, 1
        while free in self._names:
            count += 1
            free = f"{name}_{count}"
        return free

    def _once(self, copy: Any, original: Any, inputs: Any, settings: Any) -> Any:
        # MobileNetV3's sums and products are operations, which have no weights.
        values = [keras.ops.convert_to_numpy(weight) for weight in getattr(original, "weights", [])]
        config = original.get_config() | {"name": ""}
        # Numbers come among them, too, each loaded network with its own copy.
        given = keras.tree.flatten((inputs, settings))
        sources = tuple(id(source) if isinstance(source, keras.KerasTensor) else source for source in given)
        contents = tuple(hashlib.sha256(value).digest() for value in values)
        key = (type(original), json.dumps(config, sort_keys=True, default=str), sources, contents)
        if key not in self._made:
            self._made[key] = copy(*inputs, **settings)
            if values:
                copy.set_weights(values)
            self._names.add(copy.name)
        return self._made[key]
