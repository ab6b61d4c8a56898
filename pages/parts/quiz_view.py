"""Read first, then reveal: the reader against the network, and both together."""


def quiz_view() -> None:
    """Draw the lesson."""
