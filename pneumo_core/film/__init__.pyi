from .age import (
    DAYS_IN_A_YEAR as DAYS_IN_A_YEAR,
    OLDEST_YEARS as OLDEST_YEARS,
    age_in_years as age_in_years,
)
from .decoder import (
    DECODER as DECODER,
)
from .decoder_process import (
    read_content as read_content,
)
from .exposure import (
    NUMBER_IN_SERIES as NUMBER_IN_SERIES,
)
from .outward import (
    outward_facts as outward_facts,
)
from .pixels import (
    FILE_KINDS as FILE_KINDS,
    MAX_FILE_BYTES as MAX_FILE_BYTES,
    MAX_MEGAPIXELS as MAX_MEGAPIXELS,
    MIN_SIDE_PIXELS as MIN_SIDE_PIXELS,
    OWN_SOFTWARE as OWN_SOFTWARE,
)
from .preprocessing import (
    Preprocessing as Preprocessing,
    blurred as blurred,
    fingerprint as fingerprint,
    prepare as prepare,
    recompressed as recompressed,
    resize as resize,
    rotated as rotated,
    shifted as shifted,
)
from .radiograph import (
    Radiograph as Radiograph,
    offered_sha256 as offered_sha256,
    read_radiograph as read_radiograph,
)
from .shapes import (
    Mask as Mask,
    contours as contours,
    convex_hull as convex_hull,
    pieces as pieces,
    smoothed as smoothed,
)
from .window import (
    LEAST_SIDE as LEAST_SIDE,
    Window as Window,
    exposed_area as exposed_area,
)
