#!/usr/bin/env bash
# Pillow 13.0.0 and OpenCV 5.0.0.93: the same twelve-bit picture in four formats.
#
# Seen, as the largest value read of a picture whose largest value is 4095:
# Pillow stretches JPEG 2000 (65520) and PGM (65535), and leaves TIFF and 16-bit PNG at 4095.
# OpenCV stretches TIFF (65520), and leaves JPEG 2000, PGM and PNG at 4095.
# They agree on PNG alone.
#
# Not to be guessed: both give an array of whole numbers, and nothing says on which scale it is. A fixed window, or a
# division by 4095 or 65535, is right for one format and sixteen times off for the next.
# The files say 4095: the precision in SIZ (ITU-T T.800 A.5.1), maxval in PGM, BitsPerSample in TIFF 6.0.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet pillow==13.0.0 opencv-python-headless==5.0.0.93 tifffile==2026.3.3 \
    imagecodecs==2026.3.6 numpy==2.4.6

cat > show.py <<'PY'
import io

import cv2
import imagecodecs
import numpy as np
import tifffile
from PIL import Image

grey = np.arange(4096, dtype=np.uint16).reshape(64, 64)
tiff = io.BytesIO()
tifffile.imwrite(tiff, grey, bitspersample=12, photometric="minisblack")
files = {
    "JPEG 2000": imagecodecs.jpeg2k_encode(grey, bitspersample=12, level=0),
    "PGM": b"P5\n64 64\n4095\n" + grey.astype(">u2").tobytes(),
    "TIFF": tiff.getvalue(),
    "PNG": imagecodecs.png_encode(grey),
}
for name, data in files.items():
    image = Image.open(io.BytesIO(data))
    pillow = np.asarray(image)
    opencv = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    print(f"{name}: Pillow mode {image.mode}, largest {pillow.max()}; OpenCV {opencv.dtype}, largest {opencv.max()}")
PY

venv/bin/python show.py | tee seen.txt
diff seen.txt - <<'EXPECTED'
JPEG 2000: Pillow mode I;16, largest 65520; OpenCV uint16, largest 4095
PGM: Pillow mode I, largest 65535; OpenCV uint16, largest 4095
TIFF: Pillow mode I;16, largest 4095; OpenCV uint16, largest 65520
PNG: Pillow mode I;16, largest 4095; OpenCV uint16, largest 4095
EXPECTED
