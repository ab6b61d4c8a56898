"""Grad-CAM opened up, step by step, on a film of your choice."""


def grad_cam_view() -> None:
    """Draw the lesson."""
