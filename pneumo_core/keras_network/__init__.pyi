from .file_check import (
    DAMAGE as DAMAGE,
    MAX_PARAMETERS as MAX_PARAMETERS,
    check_network_file as check_network_file,
)
from .gradcam import (
    Explanation as Explanation,
    explain as explain,
    library_map as library_map,
)
from .keras_inside import keep_kernels as keep_kernels
from .layers import (
    BACKBONES as BACKBONES,
    JOINED_MAPS as JOINED_MAPS,
    body_and_head as body_and_head,
    build_network as build_network,
    device_in_words as device_in_words,
    gate_features as gate_features,
    join_networks as join_networks,
    layers_to_walk as layers_to_walk,
    load_network as load_network,
    put_weights as put_weights,
    save_network as save_network,
    start_from_imagenet as start_from_imagenet,
    start_from_model as start_from_model,
)
