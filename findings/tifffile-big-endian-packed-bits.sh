#!/usr/bin/env bash
# tifffile 2026.3.3 with imagecodecs 2026.3.6: packed samples (9 to 15 bits) in a big-endian TIFF.
#
# Seen: imwrite(..., byteorder=">", bitspersample=12) swaps the bytes of each value first, and then packs 12 of 16 bits.
# Four bits of every value are lost: 60 is read back as 3072, and 4095 as 3855. No error, no warning.
# The same call with byteorder="<" is exact, and so is byteorder=">" with whole 16-bit samples.
#
# Not to be guessed: the documentation allows 9 to 16 bits for uint16 data and names no limit on the byte order.
# TIFF 6.0 (section 8, FillOrder) packs samples into bytes from the high bits down; so packed data of both byte orders
# are the same bytes. A writer that reads its own file should return what it was given.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet tifffile==2026.3.3 imagecodecs==2026.3.6 numpy==2.4.6

cat > show.py <<'PY'
import io

import numpy as np
import tifffile

given = np.array([[0, 60, 120, 4095]], np.uint16)
for bits in (16, 12):
    for order in ("<", ">"):
        file = io.BytesIO()
        tifffile.imwrite(file, given, byteorder=order, bitspersample=bits, photometric="minisblack")
        data = file.getvalue()
        with tifffile.TiffFile(io.BytesIO(data)) as tiff:
            page = tiff.pages[0]
            start, count = page.dataoffsets[0], page.databytecounts[0]
            back = page.asarray()
        print(f"{bits} bits, {order}: bytes {data[start : start + count].hex()}, read back {back[0].tolist()}")
PY

venv/bin/python show.py | tee seen.txt
diff seen.txt - <<'EXPECTED'
16 bits, <: bytes 00003c007800ff0f, read back [0, 60, 120, 4095]
16 bits, >: bytes 0000003c00780fff, read back [0, 60, 120, 4095]
12 bits, <: bytes 00003c078fff, read back [0, 60, 120, 4095]
12 bits, >: bytes 000c00800f0f, read back [0, 3072, 2048, 3855]
EXPECTED
