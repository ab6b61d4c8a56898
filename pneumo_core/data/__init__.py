"""Labelled X-rays on disk: folders, zips, tables, splits, and the audit of a folder."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
