from .figures import (
    VIEWER_CONFIG as VIEWER_CONFIG,
    gauge as gauge,
    viewer as viewer,
)
from .given_age import (
    at_age as at_age,
    for_population as for_population,
)
from .line import (
    reading_line as reading_line,
)
from .queue import (
    READINGS as READINGS,
)
from .reading import (
    Reading as Reading,
    read_xray as read_xray,
)
from .report import (
    RANGES_IN_WORDS as RANGES_IN_WORDS,
    age_of as age_of,
    at_prevalence as at_prevalence,
    case_report as case_report,
    facts as facts,
    in_words as in_words,
    is_score_a_fact as is_score_a_fact,
    overlay_png as overlay_png,
    ranges_in_words as ranges_in_words,
    receipt_json as receipt_json,
    reference_result as reference_result,
    score_in_words as score_in_words,
    scores_in_short as scores_in_short,
    scores_in_words as scores_in_words,
    verdict as verdict,
)
from .verdicts import (
    NO_VERDICT as NO_VERDICT,
    PopulationVerdict as PopulationVerdict,
    Prediction as Prediction,
    side_in_words as side_in_words,
)
