"""Make a model: plan, run, fit, choose thresholds, compare with the model in use."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
