from .audit import (
    AUDIT_FILE as AUDIT_FILE,
    Audit as Audit,
    area_rows as area_rows,
    audit_folder as audit_folder,
    audit_json as audit_json,
    count_rows as count_rows,
    films_to_show as films_to_show,
    split_audited as split_audited,
    summary as summary,
    twins_in_words as twins_in_words,
    write_audit as write_audit,
)
from .cases import (
    CLASS_FOLDERS as CLASS_FOLDERS,
    Case as Case,
    find_cases as find_cases,
    find_data_folders as find_data_folders,
    manifest_sha256 as manifest_sha256,
    patient_and_kind as patient_and_kind,
    split_by_patient as split_by_patient,
)
from .manifest import (
    SEED as SEED,
    VALIDATION_SHARE as VALIDATION_SHARE,
    Manifest as Manifest,
    manifest_csv as manifest_csv,
    planned_split as planned_split,
    write_manifest as write_manifest,
)
from .report import (
    audit_html as audit_html,
)
from .sources import (
    Source as Source,
    SourceFilm as SourceFilm,
    TableFilm as TableFilm,
    check_film_name as check_film_name,
    find_below as find_below,
    is_film_name as is_film_name,
    label_by_folders as label_by_folders,
    list_table as list_table,
    open_source as open_source,
    open_uploads as open_uploads,
    relative_name as relative_name,
)
