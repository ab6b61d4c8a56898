"""Explanations of a score and their tests: methods, trust, what if, small changes, survey."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
