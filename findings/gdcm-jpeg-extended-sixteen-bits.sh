#!/usr/bin/env bash
# python-gdcm 3.2.6: twelve-bit images written as JPEG Extended (1.2.840.10008.1.2.4.51).
#
# Seen: ImageChangeTransferSyntax succeeds and writes a frame (SOF1) that declares a precision of 16.
# GDCM reads its own file back. pylibjpeg-libjpeg 2.5.0 and imagecodecs 2026.3.6 refuse the frame.
# The dataset goes on saying BitsStored 12.
#
# Not to be guessed: in ITU-T T.81 (B.2.2, table B.2) frames of extended DCT have a precision of 8 or 12.
# PS3.5 8.2.1 and A.4.1 name Process 2 and 4 for 8 and 12 bits, and BitsStored 12 was given.
# A frame of precision 12, written by another encoder, is read by both.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet python-gdcm==3.2.6 pydicom==3.0.2 pylibjpeg==2.1.0 pylibjpeg-libjpeg==2.5.0 \
    imagecodecs==2026.3.6 numpy==2.4.6

cat > show.py <<'PY'
import gdcm
import imagecodecs
import libjpeg
import numpy as np
from pydicom import Dataset, dcmread
from pydicom.dataset import FileMetaDataset
from pydicom.encaps import get_frame
from pydicom.uid import ComputedRadiographyImageStorage, ExplicitVRLittleEndian, generate_uid

stored = np.add.outer(np.arange(64), np.arange(64)).astype(np.uint16) * 32
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
image.PixelData = stored.tobytes()
image.save_as("image.dcm", enforce_file_format=True)

reader, change, writer = gdcm.ImageReader(), gdcm.ImageChangeTransferSyntax(), gdcm.ImageWriter()
reader.SetFileName("image.dcm")
change.SetTransferSyntax(gdcm.TransferSyntax(gdcm.TransferSyntax.JPEGExtendedProcess2_4))
writer.SetFileName("extended.dcm")
read, _ = reader.Read(), change.SetInput(reader.GetImage())
changed = change.Change()
writer.SetFile(reader.GetFile())
writer.SetImage(change.GetOutput())
print("read, changed, written:", read, changed, writer.Write())

extended = dcmread("extended.dcm")
frame = get_frame(extended.PixelData, 0, number_of_frames=1)
print(extended.file_meta.TransferSyntaxUID.name, "- BitsStored", extended.BitsStored)
print("precision in SOF1:", frame[frame.index(b"\xff\xc1") + 4])
reader.SetFileName("extended.dcm")
reader.Read()
back = np.frombuffer(reader.GetImage().GetBuffer().encode("utf-8", "surrogateescape"), np.uint16).reshape(64, 64)
print("gdcm reads it, largest error", np.abs(back.astype(int) - stored).max())
other = imagecodecs.jpeg_encode(stored, bitspersample=12, level=95)
print("precision in SOF1 of another encoder:", other[other.index(b"\xff\xc1") + 4])
for label, decode in (("pylibjpeg", libjpeg.decode), ("imagecodecs", imagecodecs.jpeg8_decode)):
    for name, data in (("gdcm's", frame), ("the other", other)):
        try:
            print(f"{label} on {name} frame: largest error", np.abs(decode(data).astype(int) - stored).max())
        except RuntimeError as error:  # imagecodecs' own class is one too
            print(f"{label} on {name} frame: {type(error).__name__}")
PY

venv/bin/python show.py | tee seen.txt
diff seen.txt - <<'EXPECTED'
read, changed, written: True True True
JPEG Extended (Process 2 and 4) - BitsStored 12
precision in SOF1: 16
gdcm reads it, largest error 0
precision in SOF1 of another encoder: 12
pylibjpeg on gdcm's frame: RuntimeError
pylibjpeg on the other frame: largest error 1
imagecodecs on gdcm's frame: Jpeg8Error
imagecodecs on the other frame: largest error 1
EXPECTED
