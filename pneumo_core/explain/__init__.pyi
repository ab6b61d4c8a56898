from .figures import (
    cells_figure as cells_figure,
    curves_figure as curves_figure,
    maps_figure as maps_figure,
    stages_figure as stages_figure,
    weights_figure as weights_figure,
)
from .fragility import (
    Fragility as Fragility,
    fragility_of as fragility_of,
    small_changes as small_changes,
)
from .methods import (
    MethodResult as MethodResult,
    Methods as Methods,
)
from .steps import (
    TITLES as TITLES,
    layer_in_words as layer_in_words,
    steps_of as steps_of,
)
from .survey import (
    SURVEY_FILE as SURVEY_FILE,
    Survey as Survey,
    read_survey as read_survey,
    survey_films as survey_films,
    survey_rows as survey_rows,
    write_survey as write_survey,
)
from .trace import (
    Trace as Trace,
    Tracer as Tracer,
)
from .trust import (
    ExplanationTest as ExplanationTest,
    ExplanationTester as ExplanationTester,
    prepared_samples as prepared_samples,
)
from .what_if import (
    CONTROLS as CONTROLS,
    HIDDEN_BY as HIDDEN_BY,
    Change as Change,
    FlipCurve as FlipCurve,
    Region as Region,
    flip_curve as flip_curve,
    look_at as look_at,
    region_of as region_of,
    zones_of as zones_of,
)
from .what_if_figures import (
    film_chart as film_chart,
    flip_chart as flip_chart,
    scores_chart as scores_chart,
)
