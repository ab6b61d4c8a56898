from .audit import (
    audit_folder as audit_folder,
    films_to_show as films_to_show,
    mask_of as mask_of,
    split_audited as split_audited,
)
from .audit_words import (
    area_in_words as area_in_words,
    area_rows as area_rows,
    count_rows as count_rows,
    summary as summary,
    twins_in_words as twins_in_words,
)
from .audited import (
    AUDIT_FILE as AUDIT_FILE,
    Audit as Audit,
    AuditedFilm as AuditedFilm,
    audit_json as audit_json,
    write_audit as write_audit,
)
from .cases import (
    CLASS_FOLDERS as CLASS_FOLDERS,
    GROUPS as GROUPS,
    SPLITS as SPLITS,
    Case as Case,
    Group as Group,
    Told as Told,
    ViewOf as ViewOf,
    find_cases as find_cases,
    find_data_folders as find_data_folders,
    follow_up as follow_up,
    links_in as links_in,
    manifest_sha256 as manifest_sha256,
    patient_and_kind as patient_and_kind,
    split_by_patient as split_by_patient,
    table_of as table_of,
    unknown_folders as unknown_folders,
)
from .counts import (
    INDEPENDENT as INDEPENDENT,
    Doubles as Doubles,
    conflicts_in_words as conflicts_in_words,
    copies_in_words as copies_in_words,
    count_patients as count_patients,
    is_rounded as is_rounded,
    of_patients as of_patients,
    patient_key as patient_key,
    untold_patients as untold_patients,
    without_doubles as without_doubles,
)
from .findings import (
    MASK_SHAPE as MASK_SHAPE,
    alike as alike,
    areas_of as areas_of,
)
from .labels import (
    group_by_folders as group_by_folders,
    group_of_label as group_of_label,
    label_by_folders as label_by_folders,
)
from .listing import (
    FilmsBelow as FilmsBelow,
    head_of as head_of,
    matched_in_words as matched_in_words,
)
from .manifest import (
    SEED as SEED,
    VALIDATION_SHARE as VALIDATION_SHARE,
    Manifest as Manifest,
    cases_of_manifest as cases_of_manifest,
    manifest_content as manifest_content,
    manifest_csv as manifest_csv,
    read_manifest as read_manifest,
    split_as_named as split_as_named,
    write_manifest as write_manifest,
)
from .names import (
    UNNAMED_FILM as UNNAMED_FILM,
    check_film_name as check_film_name,
    is_film_name as is_film_name,
    is_silent as is_silent,
    kind_by_folders as kind_by_folders,
    relative_name as relative_name,
)
from .report import (
    audit_html as audit_html,
)
from .sources import (
    Source as Source,
    SourceFilm as SourceFilm,
    TableFilm as TableFilm,
    in_listing as in_listing,
    kind_of_group as kind_of_group,
    list_table as list_table,
    open_source as open_source,
    open_uploads as open_uploads,
)
from .training_table import (
    Listed as Listed,
    TableRules as TableRules,
    find_xrays as find_xrays,
    group_of as group_of,
    list_xrays as list_xrays,
    place_of as place_of,
)
