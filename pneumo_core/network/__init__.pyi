from .classifier import Classifier as Classifier
from .engine import (
    ENGINE_VARIABLE as ENGINE_VARIABLE,
    KERAS as KERAS,
    OPENVINO as OPENVINO,
    Engine as Engine,
    engine_in_use as engine_in_use,
)
from .explanation import Explanation as Explanation
from .framing import Framed as Framed, framed as framed
from .known_answers import (
    check_known_answers as check_known_answers,
    record_known_answers as record_known_answers,
)
from .segmenter import Segmenter as Segmenter
from .shares import Shares as Shares
