#!/usr/bin/env bash
# Pillow 13.0.0, OpenCV 5.0.0.93, tifffile 2026.3.3: grey TIFF with PhotometricInterpretation 0 (WhiteIsZero).
#
# Seen: Pillow and OpenCV invert such a file when it has 8 bits, and leave it as a negative when it has 16.
# Pillow opens the 16-bit file in little-endian byte order only; in big-endian order it is "not an image".
# The same 16-bit file with PhotometricInterpretation 1 opens in both orders. tifffile inverts neither.
#
# Not to be guessed: TIFF 6.0 (section 8, PhotometricInterpretation) defines 0 for all depths: zero is white.
# A program that was tested with 8-bit scans shows film digitised at 16 bits as a negative. Nothing tells it.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet pillow==13.0.0 opencv-python-headless==5.0.0.93 tifffile==2026.3.3 numpy==2.4.6

cat > show.py <<'PY'
import io

import cv2
import numpy as np
import tifffile
from PIL import Image, UnidentifiedImageError


def with_pillow(data):
    try:
        return np.asarray(Image.open(io.BytesIO(data)))
    except UnidentifiedImageError:
        return None


def with_opencv(data):
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)


def with_tifffile(data):
    return tifffile.imread(io.BytesIO(data))


for kind in ("miniswhite", "minisblack"):
    for dtype in (np.uint8, np.uint16):
        for order in ("<", ">"):
            top = np.iinfo(dtype).max
            stored = np.linspace(0, top, 64).astype(dtype).reshape(8, 8)
            file = io.BytesIO()
            tifffile.imwrite(file, stored, byteorder=order, photometric=kind)
            words = []
            for name, read in (("Pillow", with_pillow), ("OpenCV", with_opencv), ("tifffile", with_tifffile)):
                got = read(file.getvalue())
                same = got is not None and np.array_equal(got, stored)
                turned = got is not None and np.array_equal(got, top - stored)
                words.append(f"{name} {'as stored' if same else 'inverted' if turned else 'cannot read'}")
            print(f"{kind}, {stored.dtype}, {order}: {', '.join(words)}")
PY

venv/bin/python show.py | tee seen.txt
diff seen.txt - <<'EXPECTED'
miniswhite, uint8, <: Pillow inverted, OpenCV inverted, tifffile as stored
miniswhite, uint8, >: Pillow inverted, OpenCV inverted, tifffile as stored
miniswhite, uint16, <: Pillow as stored, OpenCV as stored, tifffile as stored
miniswhite, uint16, >: Pillow cannot read, OpenCV as stored, tifffile as stored
minisblack, uint8, <: Pillow as stored, OpenCV as stored, tifffile as stored
minisblack, uint8, >: Pillow as stored, OpenCV as stored, tifffile as stored
minisblack, uint16, <: Pillow as stored, OpenCV as stored, tifffile as stored
minisblack, uint16, >: Pillow as stored, OpenCV as stored, tifffile as stored
EXPECTED
