from .admission import (
    Admission as Admission,
    before as before,
    before_changed as before_changed,
)
from .ages import (
    GROWN_UP as GROWN_UP,
    Years as Years,
    age_in_words as age_in_words,
    groups_in_words as groups_in_words,
    route as route,
)
from .input_gate import (
    GATE_FILE as GATE_FILE,
    HAS_GATE as HAS_GATE,
    INVERTED as INVERTED,
    KINDS as KINDS,
    LEFT as LEFT,
    MAX_GATE_BYTES as MAX_GATE_BYTES,
    NEAR_SHARE as NEAR_SHARE,
    NO_GATE as NO_GATE,
    OTHER as OTHER,
    OVER as OVER,
    PART as PART,
    RIGHT as RIGHT,
    UPRIGHT as UPRIGHT,
    InputGate as InputGate,
    Verdict as Verdict,
    read_gate as read_gate,
    standardised as standardised,
    write_gate as write_gate,
)
from .quality import (
    BLUR as BLUR,
    CUT_OFF as CUT_OFF,
    EXPOSURE as EXPOSURE,
    FINDINGS as FINDINGS,
    FRAME as FRAME,
    POSITION_FILE as POSITION_FILE,
    ROTATION as ROTATION,
    SIDE as SIDE,
    WRITING as WRITING,
    Quality as Quality,
    measure_quality as measure_quality,
    position_features as position_features,
    refuse_clipped as refuse_clipped,
)
from .raw import (
    PERHAPS_RAW as PERHAPS_RAW,
    RAW as RAW,
    exposure_features as exposure_features,
    raw_log_odds as raw_log_odds,
    small_copy as small_copy,
)
from .suitability import (
    CORRECTIONS as CORRECTIONS,
    NO_AGE as NO_AGE,
    UNCLEAR_AGE as UNCLEAR_AGE,
    corrected as corrected,
    suitability_for_age as suitability_for_age,
    suitability_of_patient as suitability_of_patient,
)
