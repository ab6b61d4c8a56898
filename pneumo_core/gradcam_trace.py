"""Grad-CAM step by step, at any layer, for teaching."""
