from .colours import (
    COLOUR_MAPS as COLOUR_MAPS,
    SCORE_COLOUR as SCORE_COLOUR,
    THRESHOLD_COLOUR as THRESHOLD_COLOUR,
    VIEWER_CONFIG as VIEWER_CONFIG,
    gauge as gauge,
    viewer as viewer,
)
from .picture import (
    Display as Display,
    captioned_png as captioned_png,
    coloured as coloured,
    data_uri as data_uri,
    enlarged as enlarged,
    film_picture as film_picture,
    fitted as fitted,
    maps_sheet as maps_sheet,
    montage as montage,
    overlay_picture as overlay_picture,
)
from .report_style import (
    REPORT_STYLE as REPORT_STYLE,
)
