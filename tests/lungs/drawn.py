"""Maps of probability, drawn by hand: two lungs as ellipses, whole or spoilt."""

import numpy as np

SIDE = 112


def ellipse(down: float, across: float, height: float, width: float, side: int = SIDE) -> np.ndarray:
    """Give an ellipse, bool `(side, side)`: middle and half axes in shares of the side."""
    rows, columns = (np.mgrid[0:side, 0:side] + 0.5) / side
    return ((rows - down) / height) ** 2 + ((columns - across) / width) ** 2 < 1


RIGHT, LEFT = ellipse(0.5, 0.3, 0.3, 0.14), ellipse(0.5, 0.7, 0.3, 0.14)


def probability(*shapes: np.ndarray) -> np.ndarray:
    """Give float32 probabilities: high in the shapes, low elsewhere."""
    drawn = np.full((SIDE, SIDE), 0.05, np.float32)
    for shape in shapes:
        drawn[shape] = 0.9
    return drawn
