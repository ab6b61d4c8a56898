#!/usr/bin/env bash
# SimpleITK 2.5.7: rescale slope against Modality LUT Sequence.
#
# Seen: an image whose pixels pass through RescaleSlope 2 is read as twice the stored values.
# The same mapping given as a Modality LUT Sequence is left out without a word: the stored values come back.
# pydicom 3.0.2 gives the same numbers for both files.
#
# Not to be guessed: PS3.3 C.11.1 gives the two as alternatives for one step, and a file has one or the other.
# A reader that applies the step for one of them is expected to apply it for both, or to say that it did not.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet SimpleITK==2.5.7 pydicom==3.0.2 numpy==2.4.6

cat > show.py <<'PY'
import numpy as np
import SimpleITK
from pydicom import Dataset, dcmread
from pydicom.dataset import FileMetaDataset
from pydicom.pixels import apply_modality_lut
from pydicom.uid import ComputedRadiographyImageStorage, ExplicitVRLittleEndian, generate_uid


def show(label, **mapping):
    stored = np.arange(4096, dtype=np.uint16).reshape(64, 64)
    image = Dataset()
    image.file_meta = FileMetaDataset()
    image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    image.SOPClassUID, image.SOPInstanceUID = ComputedRadiographyImageStorage, generate_uid()
    image.StudyInstanceUID, image.SeriesInstanceUID = generate_uid(), generate_uid()
    image.Modality = "CR"
    for empty in ("PatientName PatientID PatientBirthDate PatientSex StudyDate StudyTime StudyID AccessionNumber "
                  "ReferringPhysicianName Manufacturer SeriesNumber InstanceNumber "
                  "BodyPartExamined ViewPosition").split():
        setattr(image, empty, None)
    image.SamplesPerPixel, image.PhotometricInterpretation = 1, "MONOCHROME2"
    image.Rows, image.Columns = stored.shape
    image.BitsAllocated, image.BitsStored, image.HighBit, image.PixelRepresentation = 16, 12, 11, 0
    image.update(mapping)
    image.PixelData = stored.tobytes()
    image.save_as("image.dcm", enforce_file_format=True)
    image = dcmread("image.dcm")
    right = apply_modality_lut(image.pixel_array, image)
    read = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage("image.dcm"))
    print(f"{label}: pydicom {int(right.min())} to {int(right.max())}, SimpleITK {read.min()} to {read.max()}")


table = Dataset()
table.add_new("LUTDescriptor", "US", [4096, 0, 16])
table.ModalityLUTType = "US"
table.add_new("LUTData", "OW", (np.arange(4096) * 2).astype("<u2").tobytes())
show("neither")
show("RescaleSlope 2", RescaleSlope="2", RescaleIntercept="0", RescaleType="US")
show("the same as a table", ModalityLUTSequence=[table])
PY

venv/bin/python show.py | tee seen.txt
diff seen.txt - <<'EXPECTED'
neither: pydicom 0 to 4095, SimpleITK 0 to 4095
RescaleSlope 2: pydicom 0 to 8190, SimpleITK 0 to 8190
the same as a table: pydicom 0 to 8190, SimpleITK 0 to 4095
EXPECTED
