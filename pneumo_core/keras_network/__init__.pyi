from .classifier import (
    KerasClassifier as KerasClassifier,
    load_classifier as load_classifier,
)
from .engines import keras_engine as keras_engine, openvino_engine as openvino_engine
from .file_check import (
    DAMAGE as DAMAGE,
    MAX_PARAMETERS as MAX_PARAMETERS,
    check_lungs_file as check_lungs_file,
    check_network_file as check_network_file,
)
from .gradcam import (
    explain as explain,
    library_map as library_map,
)
from .importing import import_model as import_model
from .keras_inside import keep_kernels as keep_kernels
from .layers import (
    body_and_head as body_and_head,
    device_in_words as device_in_words,
    gate_features as gate_features,
    layers_to_walk as layers_to_walk,
    load_network as load_network,
    put_weights as put_weights,
    save_network as save_network,
)
from .lungs import KerasSegmenter as KerasSegmenter, load_segmenter as load_segmenter
