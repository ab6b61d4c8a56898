"""A model on the disk: card, store, challenge, conformal regions. No Keras in here."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
