"""What an engine and a classifier are, whoever runs the network. No Keras in here."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
