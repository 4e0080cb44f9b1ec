"""Read what a user wrote in YAML, and say where it is wrong: `load_yaml`, then `validate` against a pydantic model."""

from simulator.source.document import Document, Rejected, load_yaml, parse_yaml, plain_document
from simulator.source.validation import validate

__all__ = ["Document", "Rejected", "load_yaml", "parse_yaml", "plain_document", "validate"]
