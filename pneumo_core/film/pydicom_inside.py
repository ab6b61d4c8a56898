"""The one home of what pydicom keeps to itself.

Nothing here is promised by pydicom. `tests/film/test_pydicom_inside.py` names the version it was looked at with.
"""

from typing import BinaryIO

from pydicom.dataset import FileMetaDataset
from pydicom.filereader import _read_file_meta_info, read_preamble


def read_file_meta(stream: BinaryIO) -> FileMetaDataset:
    """Read a DICOM's file meta information, group 0002, and leave the stream where the dataset begins.

    `dcmread` uses this same function, so the two cannot disagree about what is deflated. The public one takes a path,
    and refuses a DICOM without preamble.

    Returns:
        its elements; none where the file has none.
    """
    read_preamble(stream, force=True)
    return _read_file_meta_info(stream)
