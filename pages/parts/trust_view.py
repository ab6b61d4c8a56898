"""Whether the heat map of a film can be trusted."""


def trust_view() -> None:
    """Draw the lesson."""
