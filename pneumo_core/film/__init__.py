"""From bytes to pixels: DICOM, PNG, JPEG, TIFF and BMP read within bounds, and brought to the network's size."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
