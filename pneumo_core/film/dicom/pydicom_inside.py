"""The one home of pydicom internals.

pydicom promises nothing of this. `tests/film/dicom/test_pydicom_inside.py` names the version that was inspected.
"""

from typing import BinaryIO

from pydicom.dataset import FileMetaDataset
from pydicom.filereader import _read_file_meta_info, read_preamble


def read_file_meta(stream: BinaryIO) -> FileMetaDataset:
    """Read a DICOM's file meta information, group 0002, and leave the stream where the dataset begins.

    `dcmread` uses this same function, so the two cannot disagree about which file is deflated. The public function
    takes a path, and refuses a DICOM without preamble.

    Returns:
        its elements; none where the file has none.
    """
    read_preamble(stream, force=True)
    return _read_file_meta_info(stream)
