"""What pydicom keeps to itself is still there, in the version that it was looked at with."""

from io import BytesIO

import pytest
from pydicom import filereader
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from tests.looked_at import assert_version

FILE = "pneumo_core/film/dicom/pydicom_inside.py"


def test_this_was_looked_at_with_the_pydicom_that_is_installed():
    assert_version("pydicom", "3.0", FILE)


def test_pydicom_still_has_it():
    assert hasattr(filereader, "_read_file_meta_info"), f"pydicom has no such function any more; see {FILE}."


@pytest.mark.parametrize("has_preamble", [True, False])
def test_the_meta_information_is_read_and_the_stream_left_where_the_dataset_begins(has_preamble: bool):
    from pneumo_core.film.dicom.pydicom_inside import read_file_meta

    film = Dataset()
    film.file_meta = FileMetaDataset()
    film.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    film.SOPClassUID = film.SOPInstanceUID = "1.2.3"
    written = BytesIO()
    film.save_as(written, enforce_file_format=True)
    stream = BytesIO(written.getvalue()[0 if has_preamble else 132 :])
    assert read_file_meta(stream).TransferSyntaxUID == ExplicitVRLittleEndian
    # The dataset's first element, in little endian: (0008,0016), the SOP class.
    assert stream.read(4) == b"\x08\x00\x16\x00"
