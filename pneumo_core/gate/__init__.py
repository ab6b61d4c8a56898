"""May this X-ray be scored? One answer for all who ask: `Admission`."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
