"""Isobase for Python: the SQL toolkit is in :mod:`isobase.database`."""

__version__ = "0.1.0"
