"""Building blocks of the pydantic models that describe a file; import this only where a file is being loaded."""

from collections.abc import Callable, Mapping
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    ValidationInfo,
    WithJsonSchema,
    model_validator,
)

from simulator.source import units
from simulator.source.document import Rejected
from simulator.source.units import (
    bandwidth_text,
    frequency_text,
    length_text,
    parse_bandwidth,
    parse_frequency,
    parse_length,
    parse_size,
    parse_time,
    parse_voltage,
    size_text,
    time_text,
    voltage_text,
)

LARGEST_COUNT = 10**9
NOTES = "notes"
"""Key of the validation context under which validators note what they read by an old name."""
BARE_QUANTITIES = "bare_quantities"
"""Key of the validation context under which a number without unit is in the base unit: Hz, B, B/s, ps, nm or mV."""


def given(expected: str) -> BeforeValidator:
    """Return a validator that refuses a key behind which nothing stands; one that is left out is not validated."""

    def check(value: object) -> object:
        if value is None:
            raise Rejected("wrong value", expected)
        return value

    return BeforeValidator(check)


class Written(BaseModel):
    """A mapping as a user writes it: no unknown keys, no silent conversions."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


def renamed_keys(names: Mapping[str, str]) -> Any:
    """Return a validator of a model that reads keys by the names they had before, with a note."""

    def rename(data: object, info: ValidationInfo) -> object:
        old = [name for name in names if isinstance(data, dict) and name in data and names[name] not in data]
        if not old or not isinstance(data, dict):
            return data
        for name in old:
            note_renamed(name, names[name], info)
        return {names[key] if key in old else key: value for key, value in data.items()}

    return model_validator(mode="before")(rename)


def renamed_values(names: Mapping[str, str]) -> BeforeValidator:
    """Return a validator that reads words by the names they had before, with a note."""

    def rename(value: object, info: ValidationInfo) -> object:
        if not isinstance(value, str) or value not in names:
            return value
        note_renamed(value, names[value], info)
        return names[value]

    return BeforeValidator(rename)


def note_renamed(old: str, new: str, info: ValidationInfo) -> None:
    """Note that a file uses a word by its old name; `validate` tells the user."""
    notes = (info.context or {}).get(NOTES)
    if isinstance(notes, list):
        notes.append(f"`{old}` is now called `{new}`")


def _quantity(parse: Callable[[object], int], unit: str) -> BeforeValidator:
    """Read a quantity; as a program writes it, perhaps without its unit."""

    def read(value: object, info: ValidationInfo) -> int:
        bare = isinstance(value, int) and not isinstance(value, bool) and (info.context or {}).get(BARE_QUANTITIES)
        return parse(f"{value} {unit}" if bare else value)

    return BeforeValidator(read)


def _written(text: Callable[[int], str]) -> PlainSerializer:
    """Write a quantity as it is read; a word in its place stays."""
    return PlainSerializer(lambda value: text(value) if isinstance(value, int) else value)


def _schema(units: Mapping[str, int], example: str) -> WithJsonSchema:
    """Describe a quantity to editors: text with one of the units."""
    pattern = rf"^\s*[0-9]+(\.[0-9]+)?\s*({'|'.join(units)})\s*$"
    return WithJsonSchema({"type": "string", "pattern": pattern, "examples": [example], "units": list(units)})


Hertz = Annotated[int, _quantity(parse_frequency, "Hz"), _written(frequency_text), _schema(units.FREQUENCY, "200 MHz")]
BytesPerSecond = Annotated[
    int, _quantity(parse_bandwidth, "B/s"), _written(bandwidth_text), _schema(units.BANDWIDTH, "16 GB/s")
]
Picoseconds = Annotated[int, _quantity(parse_time, "ps"), _written(time_text), _schema(units.TIME, "100 ns")]
ByteCount = Annotated[int, _quantity(parse_size, "B"), _written(size_text), _schema(units.SIZE, "128 KiB")]
Nanometres = Annotated[int, _quantity(parse_length, "nm"), _written(length_text), _schema(units.LENGTH, "28 nm")]
Millivolts = Annotated[int, _quantity(parse_voltage, "mV"), _written(voltage_text), _schema(units.VOLTAGE, "0.9 V")]
Fraction01 = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=1, le=LARGEST_COUNT)]
CountOrZero = Annotated[int, Field(ge=0, le=LARGEST_COUNT)]
Name = Annotated[str, Field(min_length=1, max_length=100)]
Text = Annotated[str, Field(min_length=1, max_length=2000)]
