"""Building blocks of the pydantic models that describe a file; import this only where a file is being loaded."""

from collections.abc import Callable
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, ValidationInfo

from simulator.source.units import (
    bandwidth_text,
    frequency_text,
    parse_bandwidth,
    parse_frequency,
    parse_size,
    size_text,
)

LARGEST_COUNT = 10**9
BARE_QUANTITIES = "bare_quantities"
"""Key of the validation context under which a whole number without unit is one of hertz, bytes or bytes a second."""


class Written(BaseModel):
    """A mapping as a user writes it: no unknown keys, no silent conversions."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


def _quantity(parse: Callable[[object], int], unit: str) -> BeforeValidator:
    """Read a quantity; as a program writes it, perhaps without its unit."""

    def read(value: object, info: ValidationInfo) -> int:
        bare = isinstance(value, int) and not isinstance(value, bool) and (info.context or {}).get(BARE_QUANTITIES)
        return parse(f"{value} {unit}" if bare else value)

    return BeforeValidator(read)


def _written(text: Callable[[int], str]) -> PlainSerializer:
    """Write a quantity as it is read; a word in its place stays."""
    return PlainSerializer(lambda value: text(value) if isinstance(value, int) else value)


Hertz = Annotated[int, _quantity(parse_frequency, "Hz"), _written(frequency_text)]
BytesPerSecond = Annotated[int, _quantity(parse_bandwidth, "B/s"), _written(bandwidth_text)]
ByteCount = Annotated[int, _quantity(parse_size, "B"), _written(size_text)]
Fraction01 = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=1, le=LARGEST_COUNT)]
CountOrZero = Annotated[int, Field(ge=0, le=LARGEST_COUNT)]
Name = Annotated[str, Field(min_length=1, max_length=100)]
Text = Annotated[str, Field(min_length=1, max_length=2000)]
