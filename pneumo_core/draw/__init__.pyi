from .colours import (
    COLOUR_MAPS as COLOUR_MAPS,
    COMPARED_COLOUR as COMPARED_COLOUR,
    OUTLINE_COLOUR as OUTLINE_COLOUR,
    SCORE_COLOUR as SCORE_COLOUR,
    THRESHOLD_COLOUR as THRESHOLD_COLOUR,
)
from .figures import (
    CHART_CONFIG as CHART_CONFIG,
    CLASS_STYLES as CLASS_STYLES,
    TEXT_PIXELS as TEXT_PIXELS,
    Chart as Chart,
    chart_html as chart_html,
    line_of as line_of,
    plain_figure as plain_figure,
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
from .report import (
    page_template as page_template,
)
from .report_style import (
    REPORT_STYLE as REPORT_STYLE,
)
