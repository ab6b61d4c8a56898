"""Run by a test in a process of its own: a fit on two virtual devices, as `training` does it on two GPUs."""

import sys
from pathlib import Path

import numpy as np
import tensorflow as tf

from pneumo_core.keras_network.layers import load_network
from pneumo_core.models.training_log import read_log
from pneumo_core.train.build import build_network
from pneumo_core.train.fit import fit, predict_logits
from tests.train.test_fit import SMALL, drawn_films

if __name__ == "__main__":
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    strategy = tf.distribute.MirroredStrategy(tf.config.list_logical_devices("CPU"))
    folder = Path(sys.argv[1])
    films = drawn_films(20)
    with strategy.scope():
        network = build_network(SMALL)
        before = predict_logits(network, films.views[0])
        assert fit(network, network, films, drawn_films(6), SMALL, folder)
        assert not np.allclose(predict_logits(network, films.views[0]), before)
    assert np.isfinite(predict_logits(load_network(folder / "classifier.keras"), films.views[0])).all()
    sys.stdout.write(f"{strategy.num_replicas_in_sync} replicas, {len(read_log(folder))} epochs\n")
