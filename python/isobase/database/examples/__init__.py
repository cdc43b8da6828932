"""Examples that run: ``python -m isobase.database.examples.index list``."""
