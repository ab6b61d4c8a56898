from .assessment import (
    Assessment as Assessment,
    assess_folder as assess_folder,
    assess_run as assess_run,
    compare_assessments as compare_assessments,
    group_results as group_results,
    points as points,
)
from .cluster import (
    FILMS_PER_PARTITION as FILMS_PER_PARTITION,
    SCORES_FOLDER as SCORES_FOLDER,
    Archive as Archive,
    list_archive as list_archive,
    plan_job as plan_job,
    ray_cluster as ray_cluster,
    score_archive as score_archive,
)
from .figures import (
    charts as charts,
    confusion_figure as confusion_figure,
    reliability_figure as reliability_figure,
    roc_figure as roc_figure,
)
from .pipeline import (
    BATCH_SIZE as BATCH_SIZE,
    READERS as READERS,
    run_source as run_source,
)
from .report import (
    content_name as content_name,
    evaluation_data as evaluation_data,
    evaluation_html as evaluation_html,
    evaluation_json as evaluation_json,
    honesty_lines as honesty_lines,
    write_evaluation as write_evaluation,
)
from .routing import (
    asked_of as asked_of,
    verdict_in_words as verdict_in_words,
)
from .runs import (
    SCORES_FILE as SCORES_FILE,
    FilmScore as FilmScore,
    Run as Run,
    damaged_lines as damaged_lines,
    has_run as has_run,
    read_run as read_run,
    read_scores as read_scores,
    run_name as run_name,
    scores_stamp as scores_stamp,
)
from .tables import (
    SETTING as SETTING,
    ScreeningSetting as ScreeningSetting,
    age_in_short as age_in_short,
    age_source as age_source,
    figure_rows as figure_rows,
    films_of_cell as films_of_cell,
    group_words as group_words,
    label_group_rows as label_group_rows,
    outcome_of as outcome_of,
    outward_rows as outward_rows,
    point_words as point_words,
    population_rows as population_rows,
    scores_csv as scores_csv,
    screening_note as screening_note,
    screening_rows as screening_rows,
    why_no_values_here as why_no_values_here,
    worklist_order as worklist_order,
)
