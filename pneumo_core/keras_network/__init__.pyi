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
from .heads import (
    FINDING as FINDING,
    LOGIT as LOGIT,
    OTHER as OTHER,
    head_of_three as head_of_three,
    head_of_two as head_of_two,
    other_logit as other_logit,
)
from .importing import import_model as import_model
from .joining import (
    join_networks as join_networks,
    join_views as join_views,
)
from .keras_inside import keep_kernels as keep_kernels
from .layers import (
    JOINED_MAPS as JOINED_MAPS,
    LUNGS_PREFIX as LUNGS_PREFIX,
    body_and_head as body_and_head,
    device_in_words as device_in_words,
    gate_features as gate_features,
    layers_to_walk as layers_to_walk,
    load_network as load_network,
    maps_of_whole_films as maps_of_whole_films,
    put_weights as put_weights,
    save_network as save_network,
)
from .lungs import KerasSegmenter as KerasSegmenter, load_segmenter as load_segmenter
from .lungs_view import lungs_view as lungs_view
