"""Lessons with real numbers: what the model in use gave on test films."""


def threshold_lesson() -> None:
    """Draw the lesson."""


def prevalence_lesson() -> None:
    """Draw the lesson."""


def file_size_lesson() -> None:
    """Draw the lesson."""


def two_splits_lesson() -> None:
    """Draw the lesson."""


def calibration_lesson() -> None:
    """Draw the lesson."""


def kinds_lesson() -> None:
    """Draw the lesson."""
