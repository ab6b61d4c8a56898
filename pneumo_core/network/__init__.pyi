from .classifier import (
    Classifier as Classifier,
    load_classifier as load_classifier,
)
from .engine import (
    OPENVINO as OPENVINO,
    openvino_engine as openvino_engine,
    tensorflow_engine as tensorflow_engine,
)
from .known_answers import (
    check_known_answers as check_known_answers,
    record_known_answers as record_known_answers,
)
