from .card import (
    CARD_FILE as CARD_FILE,
    CARD_TEXT_FILE as CARD_TEXT_FILE,
    KNOWN_ANSWERS_FILE as KNOWN_ANSWERS_FILE,
    KNOWN_HEAT_MAPS_FILE as KNOWN_HEAT_MAPS_FILE,
    LOG_FILE as LOG_FILE,
    LUNGS_CARD_FILE as LUNGS_CARD_FILE,
    LUNGS_FILE as LUNGS_FILE,
    NETWORK_FILE as NETWORK_FILE,
    PICTURE as PICTURE,
    RECALIBRATED as RECALIBRATED,
    STORED_SCORES_FILE as STORED_SCORES_FILE,
    ModelCard as ModelCard,
    active_model_folder as active_model_folder,
    area_with_films as area_with_films,
    card_for as card_for,
    card_text as card_text,
    check_model_name as check_model_name,
    model_files as model_files,
    model_stamp as model_stamp,
    models_in as models_in,
    nearly_one_threshold as nearly_one_threshold,
    read_card as read_card,
    result_table as result_table,
    thresholds_in_words as thresholds_in_words,
    write_card as write_card,
)
from .challenge import (
    CHALLENGE_FILE as CHALLENGE_FILE,
    Challenge as Challenge,
    CopyResult as CopyResult,
    Pair as Pair,
    challenge_of as challenge_of,
    doubts as doubts,
    model_with as model_with,
    weights_in_use as weights_in_use,
    why_no_evidence as why_no_evidence,
    write_challenge as write_challenge,
)
from .conformal import (
    COVERAGE as COVERAGE,
    NOT_THE_FLAG as NOT_THE_FLAG,
    Conformal as Conformal,
    Regions as Regions,
    conformal_by_coverage as conformal_by_coverage,
    read_conformal as read_conformal,
)
from .gate_record import (
    LEAST_TRAINING as LEAST_TRAINING,
    LEAST_VALIDATION as LEAST_VALIDATION,
    RECORD_FILE as RECORD_FILE,
    FittedSet as FittedSet,
    GateFit as GateFit,
    MadePictures as MadePictures,
    gate_in_words as gate_in_words,
    write_record as write_record,
)
from .importing import Imported as Imported, take_in as take_in
from .known_films import (
    HASH_DIGITS as HASH_DIGITS,
    KNOWN_FILMS_FILE as KNOWN_FILMS_FILE,
    KnownFilms as KnownFilms,
    read_known_films as read_known_films,
    write_known_films as write_known_films,
)
from .populations import (
    BOTH as BOTH,
    OUTSIDE as OUTSIDE,
    UNKNOWN as UNKNOWN,
    Asked as Asked,
    Population as Population,
    asked as asked,
    not_assessed_by as not_assessed_by,
    notice_of as notice_of,
    population_name as population_name,
)
from .report import (
    IN_USE as IN_USE,
    WHEN_WORSE as WHEN_WORSE,
    changed_in_words as changed_in_words,
    changed_rows as changed_rows,
    copy_rows as copy_rows,
    films_in_words as films_in_words,
    main_rows as main_rows,
    outcome as outcome,
    paired_chart as paired_chart,
)
from .results import (
    MAX_AGE as MAX_AGE,
    MAX_TEXT as MAX_TEXT,
    EvaluationResult as EvaluationResult,
    GroupCount as GroupCount,
    Groups as Groups,
    PointResult as PointResult,
    TrainingData as TrainingData,
    evaluation_of as evaluation_of,
)
from .store import (
    MAX_WORDS as MAX_WORDS,
    ModelEntry as ModelEntry,
    Promotion as Promotion,
    check_reason as check_reason,
    delete_model as delete_model,
    export_model as export_model,
    list_models as list_models,
    model_before as model_before,
    models_stamp as models_stamp,
    promote as promote,
    promotions as promotions,
    roll_back as roll_back,
)
from .stored_scores import (
    KIND_LABELS as KIND_LABELS,
    POPULATION_COLUMN as POPULATION_COLUMN,
    SIZE_COLUMN as SIZE_COLUMN,
    ScoredFilms as ScoredFilms,
    StoredScores as StoredScores,
    read_stored_scores as read_stored_scores,
)
from .training_log import (
    damaged_log_lines as damaged_log_lines,
    read_log as read_log,
)
from .versions import (
    PNEUMO as PNEUMO,
    versions_at_work as versions_at_work,
    versions_in_words as versions_in_words,
)
