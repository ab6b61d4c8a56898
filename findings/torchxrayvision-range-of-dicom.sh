#!/usr/bin/env bash
# torchxrayvision 1.5.7 with pydicom 3.0.2: utils.read_xray_dcm on files whose greys are not 0 to 2**BitsStored - 1.
#
# Seen: the result is always scaled by BitsStored. With voi_lut=True and a table of 14-bit or 16-bit entries over
# 12-bit pixels it raises ValueError; with a table of 10 bits the whole picture lies in the darkest quarter.
# Signed pixels, with no VOI step at all, come out as -2048 to 0.
#
# Not to be guessed: the documentation promises an image "scaled between -1024, 1024", which its networks expect.
# PS3.3 C.11.2.1.1: the output of a VOI LUT has the bits in the third value of LUTDescriptor, and not BitsStored.
# PS3.3 C.7.6.3: PixelRepresentation 1 makes the pixels signed. The reader looks at neither, and warns of nothing.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet pydicom==3.0.2 numpy==2.4.6 scikit-image==0.26.0 requests==2.34.2 tqdm==4.70.1
venv/bin/pip install --quiet --no-deps torchxrayvision==1.5.7

cat > show.py <<'PY'
import glob
import sys
from unittest.mock import MagicMock

import numpy as np
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ComputedRadiographyImageStorage, ExplicitVRLittleEndian, generate_uid

# The reader itself needs no PyTorch. A stand-in for the import saves a download of gigabytes.
sys.modules["torch"] = MagicMock()
sys.path += glob.glob("venv/lib/python3*/site-packages/torchxrayvision")
import utils


def show(label, table_bits=0, signed=False, voi_lut=True):
    stored = np.arange(4096).reshape(64, 64) - (2048 if signed else 0)
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
    image.BitsAllocated, image.BitsStored, image.HighBit, image.PixelRepresentation = 16, 12, 11, int(signed)
    if table_bits:
        table = Dataset()
        table.add_new("LUTDescriptor", "US", [256, 0, table_bits])
        values = np.linspace(0, 2**table_bits - 1, 256).round()
        table.add_new("LUTData", "OW", values.astype("<u2").tobytes())
        image.VOILUTSequence = [table]
    image.PixelData = stored.astype("<i2" if signed else "<u2").tobytes()
    image.save_as("image.dcm", enforce_file_format=True)
    try:
        grey = utils.read_xray_dcm("image.dcm", voi_lut=voi_lut)
        print(f"{label}: {grey.min():.1f} to {grey.max():.1f}")
    except ValueError as error:
        print(f"{label}: ValueError: {error}")


show("no table")
for bits in (10, 12, 14, 16):
    show(f"table of {bits} bits", table_bits=bits)
show("signed pixels", signed=True, voi_lut=False)
PY

venv/bin/python show.py | tee seen.txt
diff seen.txt - <<'EXPECTED'
no table: -1024.0 to 1024.0
table of 10 bits: -1024.0 to -512.4
table of 12 bits: -1024.0 to 1024.0
table of 14 bits: ValueError: max image value (16383) higher than expected bound (4095).
table of 16 bits: ValueError: max image value (65535) higher than expected bound (4095).
signed pixels: -2048.2 to -0.3
EXPECTED
