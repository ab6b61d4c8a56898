from .alike_names import (
    Match as Match,
    Matcher as Matcher,
)
from .csv_cells import (
    plain_cell as plain_cell,
    text_of_cell as text_of_cell,
)
from .hashes import (
    file_sha256 as file_sha256,
)
from .locks import (
    held as held,
    held_by as held_by,
    start_holding as start_holding,
)
from .places import (
    BACKBONE_WEIGHTS_VARIABLE as BACKBONE_WEIGHTS_VARIABLE,
    DATA_VARIABLE as DATA_VARIABLE,
    DEMO_SAMPLE as DEMO_SAMPLE,
    MODELS_VARIABLE as MODELS_VARIABLE,
    ROOT as ROOT,
    RUNS_VARIABLE as RUNS_VARIABLE,
    SAMPLES as SAMPLES,
    below as below,
    data_folders as data_folders,
    models_folder as models_folder,
    own_models_folder as own_models_folder,
    runs_folder as runs_folder,
    sample_files as sample_files,
    trainings_folder as trainings_folder,
)
from .safe_zip import (
    small_zip as small_zip,
)
from .site import (
    MIX_VARIABLE as MIX_VARIABLE,
    site_mix as site_mix,
)
from .whole import (
    files_stamp as files_stamp,
    write_whole as write_whole,
    written_whole as written_whole,
)
