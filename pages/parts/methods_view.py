"""Several methods of explaining side by side on one film."""


def methods_view() -> None:
    """Draw the lesson."""
