from .bootstrap import (
    Bootstrap as Bootstrap,
    percentile_interval as percentile_interval,
)
from .calibration import (
    Calibration as Calibration,
    OperatingPoint as OperatingPoint,
    PointName as PointName,
    choose_operating_points as choose_operating_points,
    fit_temperature as fit_temperature,
    probabilities as probabilities,
    probability_at as probability_at,
)
from .comparison import (
    AreaComparison as AreaComparison,
    Comparison as Comparison,
    ShareComparison as ShareComparison,
    compare as compare,
    compare_areas as compare_areas,
    compare_shares as compare_shares,
)
from .curves import (
    Curves as Curves,
    DecisionCurve as DecisionCurve,
    PrecisionRecallPoints as PrecisionRecallPoints,
    ReliabilityBin as ReliabilityBin,
    RocPoints as RocPoints,
    all_curves as all_curves,
    reliability_bins as reliability_bins,
    roc_points as roc_points,
    threshold_table as threshold_table,
)
from .metadata import (
    areas_of_metadata as areas_of_metadata,
)
from .metrics import (
    FEW_FILMS as FEW_FILMS,
    Z_95 as Z_95,
    ConfusionMatrix as ConfusionMatrix,
    Estimate as Estimate,
    OverallFigures as OverallFigures,
    ThresholdFigures as ThresholdFigures,
    area_by_patient as area_by_patient,
    area_under_roc as area_under_roc,
    bin_of as bin_of,
    brier_score as brier_score,
    expected_calibration_error as expected_calibration_error,
    figures_at as figures_at,
    figures_overall as figures_overall,
    predictive_value_estimates as predictive_value_estimates,
    proportion as proportion,
    sensitivity_and_specificity as sensitivity_and_specificity,
)
from .words import (
    area as area,
    comparison_data as comparison_data,
    comparison_lines as comparison_lines,
    comparison_rows as comparison_rows,
    difference_in_words as difference_in_words,
    estimate_data as estimate_data,
    finely as finely,
    in_brackets as in_brackets,
    interval_data as interval_data,
    interval_in_words as interval_in_words,
    named_data as named_data,
    number_in_words as number_in_words,
    number_or_none as number_or_none,
    p_in_words as p_in_words,
    percent as percent,
    percent_or_range as percent_or_range,
    percent_with_films as percent_with_films,
    value_in_words as value_in_words,
    with_interval as with_interval,
)
