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
from .safe_zip import (
    small_zip as small_zip,
)
from .whole import (
    files_stamp as files_stamp,
    write_whole as write_whole,
    written_whole as written_whole,
)
