#!/usr/bin/env bash
# pydicom 3.0.2, highdicom 0.28.2: a window after a negative rescale slope.
#
# Seen: apply_voi_lut(apply_modality_lut(x)) gives 0 for stored 0 and 4095 for stored 4095, though the slope is -1.
# The window turns the picture back: both steps together do nothing. highdicom shows the same file the other way up.
# The cause: apply_windowing takes y_min and y_max through the slope, so y_min becomes 4095 and y_max becomes 0.
#
# Not to be guessed: PS3.3 C.11.2.1.2 maps small inputs to the smallest output and large inputs to the largest.
# A window that covers the whole range must therefore keep the order of its inputs. No warning is given.
# A computed radiograph may carry any slope (PS3.3 C.11.1); a slope of -1 is one way to write a turned scale.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet pydicom==3.0.2 highdicom==0.28.2 numpy==2.4.6

cat > show.py <<'PY'
import highdicom
import numpy as np
from pydicom import Dataset, dcmread
from pydicom.dataset import FileMetaDataset
from pydicom.pixels import apply_modality_lut, apply_voi_lut
from pydicom.uid import ComputedRadiographyImageStorage, ExplicitVRLittleEndian, generate_uid

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
image.RescaleSlope, image.RescaleIntercept, image.RescaleType = "-1", "4095", "US"
image.WindowCenter, image.WindowWidth = "2048", "4096"
image.PixelData = stored.tobytes()
image.save_as("image.dcm", enforce_file_format=True)

image = dcmread("image.dcm")
rescaled = apply_modality_lut(image.pixel_array, image)
windowed = apply_voi_lut(rescaled, image)
other = highdicom.imread("image.dcm").get_frame(1, apply_voi_transform=True, voi_output_range=(0, 4095))
print("stored       first, last:", stored.flat[0], stored.flat[-1])
print("rescaled     first, last:", int(rescaled.flat[0]), int(rescaled.flat[-1]))
print("pydicom      first, last:", int(windowed.flat[0]), int(windowed.flat[-1]))
print("highdicom    first, last:", round(other.flat[0]), round(other.flat[-1]))
PY

venv/bin/python show.py | tee seen.txt
diff seen.txt - <<'EXPECTED'
stored       first, last: 0 4095
rescaled     first, last: 4095 0
pydicom      first, last: 0 4095
highdicom    first, last: 4093 0
EXPECTED
