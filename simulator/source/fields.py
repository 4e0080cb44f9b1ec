"""Building blocks of the pydantic models that describe a file; import this only where a file is being loaded."""

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from simulator.source.units import parse_bandwidth, parse_frequency, parse_size

LARGEST_COUNT = 10**9


class Written(BaseModel):
    """A mapping as a user writes it: no unknown keys, no silent conversions."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


Hertz = Annotated[int, BeforeValidator(parse_frequency)]
BytesPerSecond = Annotated[int, BeforeValidator(parse_bandwidth)]
ByteCount = Annotated[int, BeforeValidator(parse_size)]
Fraction01 = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=1, le=LARGEST_COUNT)]
CountOrZero = Annotated[int, Field(ge=0, le=LARGEST_COUNT)]
Name = Annotated[str, Field(min_length=1, max_length=100)]
Text = Annotated[str, Field(min_length=1, max_length=2000)]
