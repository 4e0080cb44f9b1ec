"""What may stand in every kind of file: JSON Schemas, the meaning of fields, templates, all from the models."""

from analysis.drive.reference.fields import field_lines, field_tables
from analysis.drive.reference.kinds import KINDS, Kind, checked_kind
from analysis.drive.reference.schemas import editor_schema, schema_of
from analysis.drive.reference.templates import template_of

__all__ = ["KINDS", "Kind", "checked_kind", "editor_schema", "field_lines", "field_tables", "schema_of", "template_of"]
