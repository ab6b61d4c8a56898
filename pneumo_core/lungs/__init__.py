"""The lungs' outline on an X-ray, and its meaning: sides, zones, thorax, a heat map's share in it. No Keras."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
