#!/usr/bin/env bash
# SimpleITK 2.5.7 (its GDCM): signed MONOCHROME1 images, by number of stored bits.
#
# Seen: signed MONOCHROME1 is read with 8, 10, 14, 15 and 16 stored bits, and raises RuntimeError with exactly 12.
# The message is "An invalid logic behavior occurredPF.GetBitsStored() != 12". Unsigned 12 bits are read.
# Signed MONOCHROME2 with 12 bits is read too.
#
# Not to be guessed: PixelRepresentation, BitsStored and PhotometricInterpretation are independent (PS3.3 C.7.6.3).
# Twelve bits is a usual depth of X-rays. The fault lies in the step that inverts MONOCHROME1, and not in decoding.
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
from pydicom.uid import ComputedRadiographyImageStorage, ExplicitVRLittleEndian, generate_uid

SimpleITK.ProcessObject.SetGlobalWarningDisplay(False)


def read(bits, signed, photometric):
    lowest = -(2 ** (bits - 1)) if signed else 0
    stored = np.linspace(lowest, lowest + 2**bits - 1, 4096).round().astype("<i2" if signed else "<u2").reshape(64, 64)
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
    image.PhotometricInterpretation = photometric
    image.Rows, image.Columns = stored.shape
    image.BitsAllocated, image.BitsStored, image.HighBit, image.PixelRepresentation = 16, bits, bits - 1, int(signed)
    image.PixelData = stored.tobytes()
    image.save_as("image.dcm", enforce_file_format=True)
    try:
        pixels = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage("image.dcm"))
        return f"read, {pixels.min()} to {pixels.max()}"
    except RuntimeError as error:
        return f"RuntimeError: {str(error).splitlines()[-1].strip()}"


for depth in (8, 10, 12, 14, 15, 16):
    print(f"signed MONOCHROME1, {depth} bits:", read(depth, True, "MONOCHROME1"))
print("signed MONOCHROME2, 12 bits:", read(12, True, "MONOCHROME2"))
print("unsigned MONOCHROME1, 12 bits:", read(12, False, "MONOCHROME1"))
PY

venv/bin/python show.py | tee seen.txt
diff seen.txt - <<'EXPECTED'
signed MONOCHROME1, 8 bits: read, -128 to 127
signed MONOCHROME1, 10 bits: read, -512 to 511
signed MONOCHROME1, 12 bits: RuntimeError: An invalid logic behavior occurredPF.GetBitsStored() != 12
signed MONOCHROME1, 14 bits: read, -8192 to 8191
signed MONOCHROME1, 15 bits: read, -16384 to 16383
signed MONOCHROME1, 16 bits: read, -32768 to 32767
signed MONOCHROME2, 12 bits: read, -2048 to 2047
unsigned MONOCHROME1, 12 bits: read, 0 to 4095
EXPECTED
