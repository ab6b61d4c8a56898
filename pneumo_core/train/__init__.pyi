from .build import (
    build_network as build_network,
)
from .figures import (
    CURVE_TITLES as CURVE_TITLES,
    HOW_TO_READ as HOW_TO_READ,
    kept_epoch as kept_epoch,
    legend_html as legend_html,
    training_charts as training_charts,
)
from .films import (
    Films as Films,
    epoch_batches as epoch_batches,
    read_films as read_films,
)
from .fit import (
    CHECKPOINT_FILE as CHECKPOINT_FILE,
    FitStep as FitStep,
    Judge as Judge,
    Watch as Watch,
    seed_layers as seed_layers,
    training_model as training_model,
)
from .input_gate.fit import (
    GateFilms as GateFilms,
    fit_gate_of as fit_gate_of,
)
from .input_gate.groups import (
    GateGroup as GateGroup,
    groups_of as groups_of,
)
from .input_gate.negatives import (
    OTHERS as OTHERS,
    inverted as inverted,
    part_or_several as part_or_several,
    turned as turned,
)
from .input_gate.portable import (
    portable as portable,
)
from .make import (
    run_training as run_training,
)
from .mixed.assembly import Parts as Parts, assemble as assemble
from .mixed.baselines import (
    read_baselines as read_baselines,
)
from .pictures import (
    augmented_sheet as augmented_sheet,
    watched_films as watched_films,
    watched_table as watched_table,
)
from .plan import (
    ARCHITECTURES as ARCHITECTURES,
    AUGMENTATION as AUGMENTATION,
    BACKBONE as BACKBONE,
    BALANCE as BALANCE,
    HEAD as HEAD,
    IMAGENET as IMAGENET,
    MACHINE as MACHINE,
    OPTIMISER as OPTIMISER,
    POPULATION as POPULATION,
    POPULATION_YEARS as POPULATION_YEARS,
    RANDOM as RANDOM,
    SETTINGS as SETTINGS,
    STAGES as STAGES,
    Plan as Plan,
    PlannedGroup as PlannedGroup,
    PlannedPopulation as PlannedPopulation,
    PlannedSource as PlannedSource,
    Recipe as Recipe,
    checked_recipe as checked_recipe,
    plan_of_file as plan_of_file,
    read_plan as read_plan,
    recipe_settings as recipe_settings,
    settings_of_start as settings_of_start,
    sources_of as sources_of,
)
from .recalibration import (
    blend as blend,
    recalibrate as recalibrate,
    validated_with as validated_with,
)
from .run import (
    ENDED as ENDED,
    STATE_FILE as STATE_FILE,
    STOP_FILE as STOP_FILE,
    State as State,
    ask_to_stop as ask_to_stop,
    busy_in_words as busy_in_words,
    check_plan as check_plan,
    delete_run as delete_run,
    find_run as find_run,
    free_name as free_name,
    is_asked_to_stop as is_asked_to_stop,
    last_words as last_words,
    list_runs as list_runs,
    memory_bytes as memory_bytes,
    new_model_folder as new_model_folder,
    partial_folder as partial_folder,
    plan_run as plan_run,
    planned_split as planned_split,
    read_state as read_state,
    refuse_taken_name as refuse_taken_name,
    run_at_work as run_at_work,
    run_of_model as run_of_model,
    start_run as start_run,
    write_state as write_state,
)
from .segmenter.fit import (
    LungsFit as LungsFit,
    fit_lungs as fit_lungs,
)
from .segmenter.network import lungs_network as lungs_network
from .segmenter.pairs import (
    Pairs as Pairs,
    read_pairs as read_pairs,
)
from .setting import (
    Setting as Setting,
    listed as listed,
)
from .starts import (
    check_start as check_start,
    default_start as default_start,
    imagenet_problem as imagenet_problem,
    models_of as models_of,
    weights_files as weights_files,
)
from .stress import (
    EVENED as EVENED,
    SHAPE_RATIO as SHAPE_RATIO,
    shaped_by_class as shaped_by_class,
)
