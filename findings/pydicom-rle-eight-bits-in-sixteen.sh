#!/usr/bin/env bash
# pydicom 3.0.2: run-length compression of eight stored bits in sixteen allocated bits.
#
# Seen: Dataset.compress(RLELossless) succeeds. It leaves BitsAllocated at 16 and announces two segments, as it should,
# but each segment holds half of the bytes it must hold. pydicom cannot read its own result back;
# pylibjpeg-rle 2.2.0 refuses it too. Nine stored bits are read back unchanged, and so are eight through JPEG-LS.
# The cause: pixels of eight stored bits are first narrowed to one byte each, and then split as if they had two.
#
# Not to be guessed: PS3.5 G.2 makes one segment for each byte of the allocated cell, with a byte for every pixel.
# Eight stored of sixteen allocated bits is legal (PS3.5 8.1.1). The call succeeds and gives no warning.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet pydicom==3.0.2 pylibjpeg==2.1.0 pylibjpeg-rle==2.2.0 pyjpegls==1.5.1 numpy==2.4.6

cat > show.py <<'PY'
import numpy as np
from pydicom import Dataset, dcmread
from pydicom.dataset import FileMetaDataset
from pydicom.encaps import get_frame
from pydicom.uid import (ComputedRadiographyImageStorage, ExplicitVRLittleEndian, JPEGLSLossless, RLELossless,
                         generate_uid)


def round_trip(bits, syntax, **plugin):
    stored = np.arange(64, dtype=np.uint16).reshape(8, 8)
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
    image.BitsAllocated, image.BitsStored, image.HighBit, image.PixelRepresentation = 16, bits, bits - 1, 0
    image.PixelData = stored.tobytes()
    image.compress(syntax, **plugin)
    image.save_as("compressed.dcm", enforce_file_format=True)
    again = dcmread("compressed.dcm")
    segments = ""
    if syntax == RLELossless:
        frame = get_frame(again.PixelData, 0, number_of_frames=1)
        segments = f", segments {int.from_bytes(frame[:4], 'little')}"
    print(f"{syntax.name}: stored {bits}, allocated {again.BitsAllocated}{segments}")
    for decoder in ("pydicom", "pylibjpeg") if syntax == RLELossless else ("pyjpegls",):
        again.pixel_array_options(decoding_plugin=decoder)
        try:
            print(f"  {decoder}:", "unchanged" if np.array_equal(again.pixel_array, stored) else "changed")
        except RuntimeError as error:
            print(f"  {decoder}:", str(error).splitlines()[-1].split(": ", 1)[1])


round_trip(8, RLELossless, encoding_plugin="pydicom")
round_trip(9, RLELossless, encoding_plugin="pydicom")
round_trip(8, JPEGLSLossless)
PY

venv/bin/python show.py | tee seen.txt
diff seen.txt - <<'EXPECTED'
RLE Lossless: stored 8, allocated 16, segments 2
  pydicom: The amount of decoded RLE segment data doesn't match the expected amount (32 vs. 64 bytes)
  pylibjpeg: The decoded segment length does not match the expected length
RLE Lossless: stored 9, allocated 16, segments 2
  pydicom: unchanged
  pylibjpeg: unchanged
JPEG-LS Lossless Image Compression: stored 8, allocated 16
  pyjpegls: unchanged
EXPECTED
