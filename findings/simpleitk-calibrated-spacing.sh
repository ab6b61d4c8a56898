#!/usr/bin/env bash
# SimpleITK 2.5.7 (its GDCM): the spacing of a projection X-ray.
#
# Seen: with PixelSpacing 0.2 and ImagerPixelSpacing 0.3 in one file, GetSpacing says 0.3 for CR and 0.2 for
# Secondary Capture. With PixelSpacing alone, CR says 1.0. With PixelAspectRatio 1:3 and no spacing it says 1.0 x 1.0.
# The choice is made by SOP class. The calibrated value is in the file, and it is passed over without a word.
#
# Not to be guessed: PS3.3 10.7.1 lets PixelSpacing differ from ImagerPixelSpacing in projection images. It is then
# the corrected or calibrated value, at the patient, and a distance on the image is to be measured with it.
# A spacing of 1.0 is also a valid spacing, so a caller cannot tell it from "unknown".
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet SimpleITK==2.5.7 pydicom==3.0.2 numpy==2.4.6

cat > show.py <<'PY'
import numpy as np
import SimpleITK
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.uid import (ComputedRadiographyImageStorage, ExplicitVRLittleEndian, SecondaryCaptureImageStorage,
                         generate_uid)


def spacing(sop_class, **attributes):
    stored = np.zeros((64, 64), np.uint16)
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
    image.SOPClassUID = sop_class
    image.Rows, image.Columns = stored.shape
    image.BitsAllocated, image.BitsStored, image.HighBit, image.PixelRepresentation = 16, 12, 11, 0
    for name, value in attributes.items():
        setattr(image, name, value)
    image.PixelData = stored.tobytes()
    image.save_as("image.dcm", enforce_file_format=True)
    return SimpleITK.ReadImage("image.dcm").GetSpacing()[:2]


calibrated = {"PixelSpacing": ["0.2", "0.2"], "PixelSpacingCalibrationType": "FIDUCIAL"}
detector = {"ImagerPixelSpacing": ["0.3", "0.3"]}
print("CR, both:", spacing(ComputedRadiographyImageStorage, **calibrated, **detector))
print("CR, calibrated alone:", spacing(ComputedRadiographyImageStorage, **calibrated))
print("CR, detector alone:", spacing(ComputedRadiographyImageStorage, **detector))
print("SC, both:", spacing(SecondaryCaptureImageStorage, **calibrated, **detector))
print("CR, aspect ratio 1:3:", spacing(ComputedRadiographyImageStorage, PixelAspectRatio=["1", "3"]))
PY

venv/bin/python show.py | tee seen.txt
diff seen.txt - <<'EXPECTED'
CR, both: (0.3, 0.3)
CR, calibrated alone: (1.0, 1.0)
CR, detector alone: (0.3, 0.3)
SC, both: (0.2, 0.2)
CR, aspect ratio 1:3: (1.0, 1.0)
EXPECTED
