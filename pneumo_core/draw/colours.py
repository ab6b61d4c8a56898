"""The colours of charts and heat maps: blue for the model's score, amber for the threshold, grey for the comparison.

Cyan is the lungs' outline, which no heat map holds.

Each colour map equals plotly's scale of the same name (plotly.py, MIT licence), without an import of plotly.
"""

import numpy as np

SCORE_COLOUR = "#2563eb"
THRESHOLD_COLOUR = "#d97706"
COMPARED_COLOUR = "#8b93a1"
OUTLINE_COLOUR = "#22d3ee"
# The colours are evenly spaced, from no evidence to the strongest.
_SCALES = {
    "Inferno": "000004 1b0c41 4a0c6b 781c6d a52c60 cf4446 ed6925 fb9b06 f7d13d fcffa4",
    "Viridis": "440154 482878 3e4989 31688e 26828e 1f9e89 35b779 6ece58 b5de2b fde725",
    "Turbo": "30123b 4145ab 4675ed 39a2fc 1bcfd4 24eca6 61fc6c a4fc3b d1e834 f3c63a fe9b2d f36315 d93806 b11901 7a0402",
    "Cividis": "00224e 123570 3b496c 575d6d 707173 8a8678 a59c74 c3b369 e1cc55 fee838",
    "Hot": "000000 e60000 ffd200 ffffff",
}
COLOUR_MAPS = tuple(_SCALES)


def colour_table(colour_map: str) -> np.ndarray:
    """Give a colour map as uint8 `(256, 3)`, from no evidence to the strongest."""
    scale = np.array([list(bytes.fromhex(colour)) for colour in _SCALES[colour_map].split()], float)
    places, stops = np.linspace(0, 1, 256), np.linspace(0, 1, len(scale))
    return np.rint(np.column_stack([np.interp(places, stops, part) for part in scale.T])).astype(np.uint8)
