from .outline import (
    SIDES as SIDES,
    ZONES as ZONES,
    Box as Box,
    Outline as Outline,
    lungs_mask as lungs_mask,
)
from .thorax import (
    exposed_thorax as exposed_thorax,
    share_inside as share_inside,
)
from .words import (
    lung_cautions as lung_cautions,
    outline_in_words as outline_in_words,
    share_in_words as share_in_words,
)
