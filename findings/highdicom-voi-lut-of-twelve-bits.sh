#!/usr/bin/env bash
# highdicom 0.28.2: a VOI LUT whose entries have 10 to 15 bits.
#
# Seen: get_frame(apply_voi_transform=True) raises RuntimeError("Invalid LUT descriptor.") for 10, 12 and 14 bits.
# With 16 bits the same table is applied. pydicom 3.0.2 applies all of them.
# A file that has a usable window as well is not shown through its window: the error is raised first.
#
# Not to be guessed: PS3.3 C.11.2.1.1 allows 8 to 16 bits for each entry in a presentation state, and C.8.11.3.1.5
# 10 to 16 for digital X-ray images. The documentation of get_frame names no limit.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet highdicom==0.28.2 pydicom==3.0.2 numpy==2.4.6

cat > show.py <<'PY'
import highdicom
import numpy as np
from pydicom import Dataset, dcmread
from pydicom.dataset import FileMetaDataset
from pydicom.pixels import apply_voi_lut
from pydicom.uid import DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian, generate_uid


def show(bits):
    stored = np.arange(4096, dtype=np.uint16).reshape(64, 64)
    image = Dataset()
    image.file_meta = FileMetaDataset()
    image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    image.SOPClassUID, image.SOPInstanceUID = DigitalXRayImageStorageForPresentation, generate_uid()
    image.StudyInstanceUID, image.SeriesInstanceUID = generate_uid(), generate_uid()
    image.Modality = "DX"
    for empty in ("PatientName PatientID PatientBirthDate PatientSex StudyDate StudyTime StudyID AccessionNumber "
                  "ReferringPhysicianName Manufacturer SeriesNumber InstanceNumber "
                  "BodyPartExamined ViewPosition").split():
        setattr(image, empty, None)
    image.SamplesPerPixel, image.PhotometricInterpretation = 1, "MONOCHROME2"
    image.PresentationIntentType, image.PresentationLUTShape = "FOR PRESENTATION", "IDENTITY"
    image.RescaleSlope, image.RescaleIntercept, image.RescaleType = "1", "0", "US"
    image.Rows, image.Columns = stored.shape
    image.BitsAllocated, image.BitsStored, image.HighBit, image.PixelRepresentation = 16, 12, 11, 0
    image.WindowCenter, image.WindowWidth = "2048", "4096"
    table = Dataset()
    values = np.linspace(0, 2**bits - 1, 256).round()
    table.add_new("LUTDescriptor", "US", [256, 0, bits])
    table.add_new("LUTData", "OW", values.astype("<u2").tobytes())
    image.VOILUTSequence = [table]
    image.PixelData = stored.tobytes()
    image.save_as("image.dcm", enforce_file_format=True)
    other = dcmread("image.dcm")
    print(f"{bits} bits: pydicom's largest {apply_voi_lut(other.pixel_array, other).max()},", end=" ")
    try:
        frame = highdicom.imread("image.dcm").get_frame(1, apply_voi_transform=True)
        print(f"highdicom {frame.min()} to {frame.max()}")
    except RuntimeError as error:
        print("highdicom RuntimeError:", error)


for depth in (10, 12, 14, 16):
    show(depth)
PY

venv/bin/python show.py | tee seen.txt
diff seen.txt - <<'EXPECTED'
10 bits: pydicom's largest 1023, highdicom RuntimeError: Invalid LUT descriptor.
12 bits: pydicom's largest 4095, highdicom RuntimeError: Invalid LUT descriptor.
14 bits: pydicom's largest 16383, highdicom RuntimeError: Invalid LUT descriptor.
16 bits: pydicom's largest 65535, highdicom 0.0 to 1.0
EXPECTED
