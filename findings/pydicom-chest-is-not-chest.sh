#!/usr/bin/env bash
# pydicom 3.0.2: the code for the chest, compared with the code in older files.
#
# Seen: codes.cid4031.Chest, codes.SCT.Chest and codes.SCT.Thorax are all 816094009. None of them is equal to
# 51185008 or T-D3000, though earlier editions gave these as "Chest" in the same table. A search by the name "Chest" or
# "Thorax" finds none of the older files. The two old codes are equal to each other and to codes.SCT.ThoracicStructure.
#
# Not to be guessed: pydicom maps SNOMED-RT codes to SNOMED CT before it compares, so that an old and a new file agree.
# For the head and the lung they do. For the chest they do not: PS3.16 CID 4031 gave (T-D3000, SRT, "Chest"), then
# (816094009, SCT, "Chest"), and SNOMED's own map leads from T-D3000 to 51185008. The abdomen and the pelvis moved too.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet pydicom==3.0.2

cat > show.py <<'PY'
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code

in_files = {
    "T-D3000 (SRT)": Code("T-D3000", "SRT", "Chest"),
    "51185008 (SCT)": Code("51185008", "SCT", "Chest"),
    "816094009 (SCT)": Code("816094009", "SCT", "Chest"),
}
named = {
    "cid4031.Chest": codes.cid4031.Chest,
    "SCT.Chest": codes.SCT.Chest,
    "SCT.Thorax": codes.SCT.Thorax,
    "SCT.ThoracicStructure": codes.SCT.ThoracicStructure,
}
for name, code in named.items():
    for label, other in in_files.items():
        print(f"{name} {code.value} == {label}: {code == other}")
print("T-D3000 == 51185008:", in_files["T-D3000 (SRT)"] == in_files["51185008 (SCT)"])
print("the head, for comparison:", codes.cid4031.Head == Code("T-D1100", "SRT", "Head"))
print("the lung, for comparison:", codes.SCT.Lung == Code("T-28000", "SRT", "Lung"))
print("the abdomen, for comparison:", codes.cid4031.Abdomen == Code("T-D4000", "SRT", "Abdomen"))
print("the pelvis, for comparison:", codes.cid4031.Pelvis == Code("T-D6000", "SRT", "Pelvis"))
PY

venv/bin/python show.py | tee seen.txt
diff seen.txt - <<'EXPECTED'
cid4031.Chest 816094009 == T-D3000 (SRT): False
cid4031.Chest 816094009 == 51185008 (SCT): False
cid4031.Chest 816094009 == 816094009 (SCT): True
SCT.Chest 816094009 == T-D3000 (SRT): False
SCT.Chest 816094009 == 51185008 (SCT): False
SCT.Chest 816094009 == 816094009 (SCT): True
SCT.Thorax 816094009 == T-D3000 (SRT): False
SCT.Thorax 816094009 == 51185008 (SCT): False
SCT.Thorax 816094009 == 816094009 (SCT): True
SCT.ThoracicStructure 51185008 == T-D3000 (SRT): True
SCT.ThoracicStructure 51185008 == 51185008 (SCT): True
SCT.ThoracicStructure 51185008 == 816094009 (SCT): False
T-D3000 == 51185008: True
the head, for comparison: True
the lung, for comparison: True
the abdomen, for comparison: False
the pelvis, for comparison: False
EXPECTED
