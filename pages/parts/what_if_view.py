"""What if a film were covered, turned, brighter: score and heat map follow."""


def what_if_view() -> None:
    """Draw the lesson."""
