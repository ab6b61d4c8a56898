"""The body part and the view of a DICOM by its header, and whether left and right are exchanged."""

import re
import unicodedata
from typing import Any

import numpy as np
import pydicom
from numpy.typing import NDArray

from pneumo_core.errors import UnsuitableImageError
from pneumo_core.film.dicom.header import codes, text_of_series, word, words
from pneumo_core.wording import Caution

FRONTAL = ("AP", "PA", "FRONTAL", "LORDOTIC")
# The terms of DICOM PS3.3 C.8.11.5 and "lateral" as devices write it; then ours for what codes and devices also name.
VIEW_POSITIONS = (
    *("AP", "PA", "LL", "RL", "RLD", "LLD", "RLO", "LLO", "LAT", "LATERAL"),
    *("FRONTAL", "LORDOTIC", "OBLIQUE", "DECUBITUS", "SWIMMERS", "NOT FRONTAL"),
)
# DICOM PS3.16 CID 4010 (DX View) and CID 26, by SNOMED CT and by the older SNOMED RT.
_VIEW_CODES = {
    **dict.fromkeys(("399348003", "R-10206", "399321004", "G-5215"), "AP"),
    **dict.fromkeys(("272479007", "R-40888", "R-10214", "399001007", "G-5216"), "PA"),
    **dict.fromkeys(("399033003", "R-10202"), "FRONTAL"),
    **dict.fromkeys(("260450008", "R-40799"), "LORDOTIC"),
    **dict.fromkeys(("399173006", "R-10236", "399118008", "G-5223"), "LL"),
    **dict.fromkeys(("399198007", "R-10232", "399297009", "G-5222"), "RL"),
    **dict.fromkeys(("399067008", "R-102CD", "49370004", "G-A104", "30730003", "G-A145"), "LATERAL"),
    **dict.fromkeys(("399352003", "R-10228", "399300004", "G-5221"), "LATERAL"),
    **dict.fromkeys(("399260004", "R-10224", "399012007", "G-5220"), "LATERAL"),
    **dict.fromkeys(("399135007", "R-10220", "399074003", "G-5207", "399006002", "R-10212"), "OBLIQUE"),
    **dict.fromkeys(("399136008", "G-5209", "399356000", "R-40985", "399108003", "G-5206"), "OBLIQUE"),
    **dict.fromkeys(("399038007", "R-10210", "399075002", "G-5208", "399184004", "R-10238"), "OBLIQUE"),
    **dict.fromkeys(("399236003", "R-10234", "399182000", "R-102C1", "399160007", "R-10204"), "OBLIQUE"),
    **dict.fromkeys(("399312000", "R-10208", "399059000", "R-10216", "260427002", "R-40783"), "OBLIQUE"),
    **dict.fromkeys(("260426006", "R-40782", "399368009", "R-10226", "399099002", "R-10230"), "OBLIQUE"),
    **dict.fromkeys(("102536004", "F-10319"), "LLD"),
    **dict.fromkeys(("102535000", "F-10317"), "RLD"),
    **dict.fromkeys(("32185000", "F-10318"), "DECUBITUS"),
    **dict.fromkeys(("399061009", "R-10241", "24422004", "G-A147", "62824007", "G-A117"), "NOT FRONTAL"),
    **dict.fromkeys(("399162004", "R-10242", "399196006", "R-10244", "399110001", "R-102C2"), "NOT FRONTAL"),
    **dict.fromkeys(("399004004", "R-10246", "399225005", "R-10250", "399288005", "R-10248"), "NOT FRONTAL"),
    **dict.fromkeys(("399132005", "R-10252", "399325008", "R-10254"), "NOT FRONTAL"),
}
_LATERAL = re.compile(
    r"(?:[LR]|LT|RT|LEFT|RIGHT|XT|(?:X|CROSS)TABLE)?LAT(?:ERAL(?:E|IS|NA)?)?|LAT[LR]|LTL|PROFIL|PERFIL|SEITLICH"
    r"|BOCZN[AEY]"
)
_LEFT, _RIGHT = (re.compile(f"{one}|{one[0]}T?|{one[0]}T?LAT.*|{one}LAT.*|LAT{one[0]}") for one in ("LEFT", "RIGHT"))
_DECUBITUS = re.compile(r"\w*DECUB\w*")
_OBLIQUE = re.compile(r"OBL|[LR]?OBLI[QC]\w*|[LR][AP]O|SCHRAEG|SCHRAG")
_SWIMMERS = re.compile(r"SWIM\w*")
_LORDOTIC = re.compile(r"\w*LORDOTI\w*|\w*LORDOSE|APICAL|LINDBLOM")
_FRONTAL_WORD = re.compile(
    r"(AP|PA)(?:SUPINE|ERECT|UPRIGHT|SITTING|SIT|SEATED|PORT|PORTABLE|MOBILE|BED|BEDSIDE|STANDING|CHEST|THORAX)?"
)
_SOME_FRONTAL_VIEW = ("FRONTAL", "FRONTALE", "FACE", "FRENTE")
_ANTEROPOSTERIOR = re.compile(r"ANTERO ?POSTERI|(?<!\w)A P(?!\w)")
_POSTEROANTERIOR = re.compile(r"POSTERO ?ANTERI|(?<!\w)P A(?!\w)")
_AXIAL = re.compile(r"\bAXIAA?LE?\b|SUPERO ?INFERIOR|INFERO ?SUPERIOR|CRANIO ?CAUDAL|CAUDO ?CRANIAL")
# Words beside a view, or in its place, that name none.
_NO_VIEW = re.compile(
    r"CHEST|THORAX|TORAX|LUNGS?|SUPINE|PRONE|ERECT|UPRIGHT|SITTING|SEATED|SEMI|STANDING|PORTABLE|PORT|MOBILE|BED|BEDSIDE"
    r"|ROUTINE|STANDARD|OTHER|UNKNOWN|UNDEFINED|UNSPECIFIED|NONE|NULL|NA|N|A|ANY|VIEW|VIEWS|XR|XRAY|X|RAY|CR|DX|CXR"
    r"|[0-9]+|FREE|GRID|INSPIRATION|INSP|EXPIRATION|EXP|PROJECTION"
)
_UNCLEAR = Caution(
    "view not understood",
    "The header names the view by a word that was not understood. The network knows upright frontal views only. Please "
    "check that this is one.",
)
_LORDOTIC_VIEW = Caution(
    "lordotic view",
    "The header calls the view lordotic: the clavicles lie above the lungs. The network knows upright frontal views "
    "only, so the score was not validated for this one.",
)
_EXCHANGED = Caution(
    "left and right exchanged",
    "The header says that left and right were exchanged, so the image was mirrored for display. Please check the side "
    "marker.",
)
_CONTRADICTED = Caution(
    "view contradicted",
    "The header contradicts itself about the view: one element says frontal, another does not. Please check that this "
    "is a frontal X-ray.",
)
_TOLD_IN_TEXT = Caution(
    "perhaps no frontal view",
    "A description in the header names another view than a frontal one. Please check that this is a frontal X-ray.",
)

_SPINE = re.compile(r"SPINE|SPINAL|COLUMN|COLONN|VERTEBR|WIRBEL|RACHIS|\b[BHL]WS\b|KREGOSLUP")
_UPPER_SPINE = re.compile(r"\b(?:T|D|TH|TL|CT|DL) ?SPINE|CHEST|THORA|TORA|DORS|BRUST|BWS")
_CHEST = re.compile(
    r"CHEST|THORA|TORA[XKC]|LUNG|PULM|POLMON|POUMON|BRUSTK|BORSTK|KLATK|HRUDN|MELLKAS|GOGUS|CXR|PECTUS|RIBCAGE"
)
_MORE = re.compile(r"ABD|PELV|NECK|WHOLE|ENTIRE|BABYGRAM|TRUNK")
_WHOLE = re.compile(r"WHOLE ?BODY|ENTIRE ?BODY|BABY ?GRAM|TRUNK")
_NEAR = {
    "ribs": r"\bRIBS?\b|[LR]RIBS?\b|RIPPE|COSTILLA|COSTE\b|COTES\b",
    "sternum": r"STERN[UO]|BRUSTBEIN",
    "clavicle": r"CLAVIC|SCHLUESSELB|SCHLUSSELB",
    "heart": r"\bHEART|CARDI|HERZ|CORONARY|AORTIC ?ARCH|ASC ?AORTA|^AORTA",
    "mediastinum": r"MEDIAST|THYMUS|ESOPHAG|BRONCH|TRACHEA|DIAPHRAGM|AXILL",
}
_OTHERS = {
    "abdomen": r"ABD|BELLY|\bKUB\b|BAUCH|BUIK|BRZUCH",
    "pelvis": r"PELV|BECKEN|BASSIN|BEKKEN|MIEDNIC|SACRO|ILIUM|\bSI ?JOINT",
    "spine": r"SACR|COCCY|LUMB|CERVICAL",
    "skull": r"SKULL|CRANI|SCHAEDEL|SCHADEL|CRANE\b|SELLA|MASTOID|PETROUS|\bIAC\b|CZASZK",
    "sinus": r"\bPNS\b|SINUS|WATERS",
    "head": r"HEAD|BRAIN|KOPF|\bEYES?\b|ORBIT|\bEARS?\b|\bFAC[EI]|NASAL|NOSE|ZYGOMA|SCALP",
    "jaw": r"JAW|MANDIB|MAXILL|\bTMJ\b|TEETH|TOOTH|DENTAL|KIEFER|ZAHN|TONGUE|MOUTH",
    "neck": r"NECK|LARYN|PHARYN|ADENOID|HALS|THYROID|CAROTID",
    "breast": r"BREAST|MAMM",
    "shoulder": r"SHOULDER|SCHULTER|HOMBRO|EPAULE|SPALLA|OMBRO|AC ?JOINT",
    "scapula": r"SCAPULA",
    "humerus": r"HUMER",
    "elbow": r"ELBOW|ELLENBOGEN|CODO\b|COUDE",
    "forearm": r"FORE ?ARM|UNTERARM|RADIUS|ULNA",
    "arm": r"\b(?:UP|UPPER|L|R)? ?ARMS?\b|OBERARM",
    "wrist": r"WRIST|HANDGELENK|SCAPHOID|CARPUS",
    "hand": r"HAND|\bMANO\b|BONE ?AGE",
    "finger": r"FINGER|DEDO",
    "thumb": r"THUMB|DAUMEN",
    "hip": r"\b[LR]?HIPS?\b|HUEFT|HUFT|CADERA|HANCHE",
    "femur": r"FEMUR|FEMOR",
    "thigh": r"THIGH",
    "knee": r"KNEE|\bKNIE|GENOU|RODILLA|GINOCCHIO|JOELHO|KOLAN",
    "patella": r"PATELL",
    "tibia": r"TIBI|FIBUL",
    "leg": r"\b(?:LOWER|L|R)? ?LEGS?\b|\bCALF\b|UNTERSCHENKEL",
    "ankle": r"ANKLE|SPRUNGGELENK|TOBILLO|CHEVILLE|CAVIGLIA",
    "foot": r"FOOT|FEET|\bFUSS|\bPIED\b|TARS|STOPA|\bHEEL",
    "calcaneus": r"CALCAN|FERSE",
    "toe": r"\b[LR]?TOES?\b|HALLUX",
    "extremity": r"EXTREM|EXM\b|LIMB|LONG ?BONE",
    "digestive tract": r"STOMACH|COLON|BOWEL|INTESTIN|RECTUM|RECTAL|DUODEN|ILEUM|JEJUN|\bUGI\b",
    "liver or gland": r"LIVER|PANCREA|SPLEEN|GALL|\bBILE|BILIARY",
    "urinary tract": r"KIDNEY|RENAL|URETER|URETHR|BLADDER|URINARY|\bIVP\b|\bIVU\b|PROSTAT",
    "uterus": r"UTERUS|OVAR|FETUS|VAGIN|CERVIX",
    "phantom": r"PHANTOM",
}
_STEMS = {part: re.compile(stems) for part, stems in {**_NEAR, **_OTHERS}.items()}
_NO_PART = re.compile(
    r"AP|PA|LAT|LATERAL|PORTABLE|PORT|MOBILE|XR|XRAY|X|RAY|CR|DX|DR|RG|ROUTINE|STANDARD|GENERAL|DEFAULT|OTHER|OTHERS"
    r"|UNKNOWN|UNDEFINED|UNSPECIFIED|NONE|NULL|NA|N|A|ANY|MISC|BODY|PART|ERECT|SUPINE|ADULT|CHILD|PEDIATRIC|PAEDIATRIC"
    r"|PEDS|INFANT|BABY|LEFT|RIGHT|L|R|B|VIEW|VIEWS|[0-9]+"
)
# DICOM PS3.16 CID 4009 and CID 4031, by SNOMED CT and by the older SNOMED RT.
_CODES = {
    "chest": "51185008 816094009 43799004 39607008 86598002 78904004 T-D3000 T-28000 T-280A0",
    "more": "416550000 416775004 416319003 416152001 417437006 38266002 "
    "R-FAB55 R-FAB56 R-FAB54 R-FAB53 R-FAB52 T-D0010",
    "ribs": "113197003 T-11300",
    "sternum": "56873002 T-11210 7844006 T-15610",
    "clavicle": "51299004 T-12310",
    "thoracic spine": "122495006 T-11502 1217257000 1217256009",
    "heart": "80891009 T-32000",
    "mediastinum": "72410000 T-D3300 44567001 T-25000 955009 T-26000 32849002 T-56000",
    "abdomen": "818981001 818982008 113345001 T-D4000 R-FAB57",
    "pelvis": "816092008 12921003 T-D6000 22356005 T-12340 39723000 T-15680",
    "spine": "421060004 T-D04FF 122494005 T-11501 122496007 T-11503 1217253001 1217254007 54735007 T-11AD0 64688005",
    "skull": "89546000 T-11100 59066005 T-11133 42575006 T-D1460 361078006 T-AB959",
    "sinus": "2095001 T-22000",
    "head": "69536005 T-D1100 774007 T-D1000 91397008 T-11196 74386004 T-11149 363654007 T-D14AE 81745001 13881006",
    "jaw": "661005 T-D1213 91609006 T-11180 70925003 T-11170 53620006 T-15290",
    "neck": "45048000 T-D1600 4596009 T-24100",
    "breast": "76752008 T-04000",
    "shoulder": "16982005 T-D2220 85856004 T-15420",
    "scapula": "79601000 T-12280",
    "humerus": "85050009 T-12410 40983000 T-D8200",
    "elbow": "16953009 T-15430",
    "forearm": "14975008 T-D8500",
    "wrist": "74670003 T-15460",
    "hand": "85562004 T-D8700",
    "finger": "7569003 T-D8800 76505004 T-D8810",
    "hip": "24136001 T-15710 29836001 T-D2500",
    "femur": "71341001 T-12710 68367000 T-D9100",
    "knee": "72696002 T-D9200 64234005 T-12730",
    "leg": "30021000 T-D9400 87342007 T-12750",
    "ankle": "70258002 T-15750",
    "foot": "56459004 T-D9700 27949001 T-15770 80144004 T-12770 29707007 T-D9800",
    "extremity": "66019005 T-D0300 53120007 T-D8000 61685007 T-D9000",
    "digestive tract": "69695003 T-57000 71854001 T-59300 14742008 T-59000 30315005 T-58000 34402009 T-59600",
    "urinary tract": "89837001 T-74000 431491007 T-7000B 87953007 T-73000 13648007 T-75000",
    "phantom": "706342009 R-FE0C7",
}
_PART_OF_CODE = {code: part for part, listed in _CODES.items() for code in listed.split()}
_IN_CHEST = {*_NEAR, "thoracic spine"}
UNKNOWN = "?"

_PART_UNCLEAR = Caution(
    "body part not understood",
    "The header names the body part by a word that was not understood. The network knows X-rays of the chest only. "
    "Please check that this is one.",
)
_PART_IN_CHEST = Caution(
    "exposed for a part of the chest",
    "The header names a bone or an organ inside the chest, or beside it, as the body part. X-rays of the lungs are "
    "exposed in another way, so the score was not validated for this one.",
)
_MORE_THAN_CHEST = Caution(
    "more than a chest",
    "The header says that the image shows more of the body than the chest. The network knows whole X-rays of the chest "
    "alone, so the score was not validated for this one.",
)
_PART_CONTRADICTED = Caution(
    "body part contradicted",
    "The header contradicts itself about the body part: one element says chest, another says a part outside of it. "
    "Please check that this is an X-ray of the chest.",
)
_TOLD_PART = Caution(
    "perhaps another body part",
    "The series' description names another part of the body, and not the chest. Please check that this is an X-ray of "
    "the chest.",
)
# Words of a description that only look like parts.
_NO_PART_IN_TEXT = re.compile(
    r"(?<![A-Z])(?:FACE|FACILIT[A-Z]*|HAND[\W_]*HELD|HEAD[\W_]*UP|ARMS?[\W_]*(?:UP|DOWN))(?![A-Z])"
)


def check_part(header: pydicom.Dataset, cautions: list[Caution]) -> None:
    """Refuse an X-ray of another part than the chest; warn where the header leaves a doubt about it.

    BodyPartExamined is set by hand on many devices, and may be left over from the patient before. So it is not
    enough for a refusal where another element says chest.

    Raises:
        UnsuitableImageError: the header names another part, and nothing in it says chest.
    """
    named = part_in(" ".join(words(header, "BodyPartExamined")))
    coded = [
        _PART_OF_CODE.get(code) or part_in(meaning) or UNKNOWN
        for code, meaning in codes(header, "AnatomicRegionSequence")
        if code or meaning
    ]
    found = {named, *coded} - {""}
    told = part_in(_NO_PART_IN_TEXT.sub("", text_of_series(header)))
    is_told = told in ("chest", "more")
    others = [part for part in (named, *coded) if part in _OTHERS]
    if others and not is_told and found <= {*_OTHERS, UNKNOWN}:
        raise UnsuitableImageError(
            f"is an X-ray of another body part ({others[0]}). Please upload a chest X-ray.", code="body_part"
        )
    if others:
        cautions.append(_PART_CONTRADICTED)
    elif "more" in found:
        cautions.append(_MORE_THAN_CHEST)
    elif "chest" not in found and found & _IN_CHEST:
        cautions.append(_PART_IN_CHEST)
    elif told in _OTHERS:
        cautions.append(_TOLD_PART)
    elif "chest" not in found and UNKNOWN in found and not is_told:
        cautions.append(_PART_UNCLEAR)


def part_in(text: str) -> str:
    """Understand a body part in capitals: "chest", "more" than it, the name of another; "" for none, or `UNKNOWN`."""
    plain = "".join(letter for letter in unicodedata.normalize("NFKD", text) if not unicodedata.combining(letter))
    parts = re.findall(r"[^\W_]+", plain)
    spoken = " ".join(parts)
    if _SPINE.search(spoken):
        return "thoracic spine" if _UPPER_SPINE.search(spoken) else "spine"
    if _WHOLE.search(spoken):
        return "more"
    if _CHEST.search(spoken):
        return "more" if _MORE.search(spoken) else "chest"
    known = next((part for part, stems in _STEMS.items() if stems.search(spoken)), None)
    return known or ("" if all(_NO_PART.fullmatch(one) for one in parts) else UNKNOWN)


def view_position(header: pydicom.Dataset, notes: list[str], cautions: list[Caution]) -> str | None:
    """Give the view as one of `VIEW_POSITIONS`; None where the header names none, or none that is known.

    ViewPosition comes first, then ViewCodeSequence, then PatientOrientation where it excludes a frontal view. Free text
    is not certain enough to decide; it leads to a caution.
    """
    written, items = word(header, "ViewPosition"), codes(header, "ViewCodeSequence")
    named = written if written in VIEW_POSITIONS else view_in(written)
    coded = next((view for code, meaning in items if (view := _VIEW_CODES.get(code) or view_in(meaning))), None)
    oriented = _view_by_orientation(header, notes)
    found = [one for one in (named, coded, oriented) if one is not None]
    is_strange = named is None and not _names_no_view(written)
    if found and is_strange:
        notes.append("ViewPosition could not be understood and was left aside.")
    elif not found and (is_strange or any(code or meaning for code, meaning in items)):
        cautions.append(_UNCLEAR)
    position = found[0] if found else None
    is_frontal = position is None or position in FRONTAL
    if position in FRONTAL and any(one not in FRONTAL for one in found):
        cautions.append(_CONTRADICTED)
    elif is_frontal and _is_told_not_frontal(header):
        cautions.append(_TOLD_IN_TEXT)
    if "LORDOTIC" in found and is_frontal:
        cautions.append(_LORDOTIC_VIEW)
    return position


def view_in(text: str) -> str | None:
    """Understand a view in capitals: "L LAT", "LEFT LATERAL", "DECUB", "PA ERECT"; None where it names none or two."""
    parts = re.findall(r"[^\W_]+", text)
    lateral = any(_LATERAL.fullmatch(part) for part in parts)
    frontal = _frontal_view(text, parts)
    is_left, is_right = (any(side.fullmatch(part) for part in parts) for side in (_LEFT, _RIGHT))
    side = "" if is_left == is_right else "L" if is_left else "R"
    if any(_SWIMMERS.fullmatch(part) for part in parts):
        return "SWIMMERS"
    if any(_DECUBITUS.fullmatch(part) for part in parts):
        return f"{side}LD" if side else "DECUBITUS"
    if any(_OBLIQUE.fullmatch(part) for part in parts):
        return "OBLIQUE"
    if lateral:
        return None if frontal else f"{side}L" if side else "LATERAL"
    if any(_LORDOTIC.fullmatch(part) for part in parts):
        return "LORDOTIC"
    if _AXIAL.search(" ".join(parts)):
        return None if frontal else "NOT FRONTAL"
    return frontal


def unmirrored(
    pixels: NDArray[Any], header: pydicom.Dataset, notes: list[str], cautions: list[Caution]
) -> NDArray[Any]:
    """Exchange left and right where PatientOrientation says that the pixels show the patient as in a mirror.

    DICOM PS3.3 C.7.6.1.1.1: its two values say where the rows and the columns run to. A frontal X-ray is shown with
    rows to the patient's left and columns to the feet. A turn is left to the reader, for the pixels tell it, too.

    Args:
        pixels: shape `(height, width)`, any range.
    """
    rows, columns = _orientation(header)
    directions = {"L": (1, 0), "R": (-1, 0), "F": (0, 1), "H": (0, -1)}
    if rows not in directions or columns not in directions:
        return pixels
    (across, along), (left, down) = directions[rows], directions[columns]
    if across * down - along * left >= 0:
        return pixels
    if (rows, columns) == ("L", "H"):
        # The rows run the right way across, so that they change places.
        notes.append(
            "PatientOrientation says that top and bottom are exchanged. The image was mirrored, so that the head is at "
            "the top, as usual."
        )
        return np.ascontiguousarray(pixels[::-1])
    notes.append(
        "PatientOrientation says that left and right are exchanged. The image was mirrored, so that the patient's left "
        "is on the right, as usual."
    )
    cautions.append(_EXCHANGED)
    return np.ascontiguousarray(pixels[:, ::-1])


def _frontal_view(text: str, parts: list[str]) -> str | None:
    spoken = " ".join(parts)
    found = {match[1] for part in parts if (match := _FRONTAL_WORD.fullmatch(part))}
    found |= {"AP"} if _ANTEROPOSTERIOR.search(spoken) else set()
    found |= {"PA"} if _POSTEROANTERIOR.search(spoken) else set()
    if len(found) == 1:
        return found.pop()
    return "FRONTAL" if found or any(part in _SOME_FRONTAL_VIEW for part in parts) else None


def _names_no_view(text: str) -> bool:
    return all(_NO_VIEW.fullmatch(part) for part in re.findall(r"[^\W_]+", text))


def _orientation(header: pydicom.Dataset) -> tuple[str, str]:
    """Give the first letter of PatientOrientation's two values, the main direction of rows and columns; "" if none."""
    values = words(header, "PatientOrientation")
    if len(values) != 2 or not all(re.fullmatch("[APLRHF]{1,3}", one) for one in values):
        return "", ""
    return values[0][0], values[1][0]


def _view_by_orientation(header: pydicom.Dataset, notes: list[str]) -> str | None:
    main = {*_orientation(header)}
    if not main & {"A", "P"}:
        if main == {""} and any(words(header, "PatientOrientation")):
            notes.append("PatientOrientation could not be understood and was left aside.")
        return None
    return "LATERAL" if main & {"H", "F"} else "NOT FRONTAL"


def _is_told_not_frontal(header: pydicom.Dataset) -> bool:
    """Tell whether free text names a lateral, oblique, decubitus or swimmer's view, and no frontal one."""
    text = f"{text_of_series(header)} {' '.join(words(header, 'BodyPartExamined'))}"
    view = view_in(text)
    return view is not None and view not in FRONTAL and _frontal_view(text, re.findall(r"[^\W_]+", text)) is None
