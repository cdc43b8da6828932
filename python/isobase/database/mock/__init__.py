"""Made-up rows that fit their tables."""

from .mock_data_generator import MockDataGenerator
from .schema_registry import SchemaRegistry

__all__ = ["MockDataGenerator", "SchemaRegistry"]
