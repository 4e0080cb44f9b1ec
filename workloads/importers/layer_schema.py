"""What may stand in a layer list of the project's own, before it becomes a network."""

from typing import Annotated

from pydantic import BeforeValidator, Field, ValidationInfo, WithJsonSchema

from simulator.errors import nearest
from simulator.network.shapes import Padding, Pair
from simulator.source.document import Rejected
from simulator.source.fields import LARGEST_COUNT, Count, Fraction01, Written
from workloads.importers.bounds import LONGEST_NAME, MOST_ELEMENTS, MOST_LAYERS
from workloads.importers.layer_ops import OPS

WORDS = ("same", "half")


def _numbers(value: object, counts: tuple[int, ...], least: int, expected: str) -> tuple[int, ...]:
    """Return one number or a list of some counts of them as a tuple."""
    numbers = value if isinstance(value, list) else [value]
    if len(numbers) not in counts:
        raise Rejected("wrong value", expected)
    for i, number in enumerate(numbers):
        if not isinstance(number, int) or isinstance(number, bool) or not least <= number <= LARGEST_COUNT:
            at = (i,) if numbers is value else ()
            raise Rejected("wrong value", f"{expected}, each {least} to {LARGEST_COUNT}", path=at)
    return tuple(numbers)


def _pair(value: object) -> tuple[int, ...]:
    numbers = _numbers(value, (1, 2), 1, "a whole number or [vertical, horizontal]")
    return numbers * 2 if len(numbers) == 1 else numbers


def _padding(value: object) -> object:
    if isinstance(value, str):
        if value in WORDS:
            return value
        raise Rejected("wrong value", "a number, same or half", nearest(value, WORDS))
    numbers = _numbers(
        value, (1, 2, 4), 0, "a number, [vertical, horizontal], [top, left, bottom, right], same or half"
    )
    return numbers[0] if len(numbers) == 1 else numbers


def _extents(value: object) -> tuple[int, ...]:
    numbers = _numbers(value, (3, 4), 1, "[channels, height, width], or four numbers with the batch first")
    return (1, *numbers) if len(numbers) == 3 else numbers


def _shape(value: object) -> tuple[int, ...]:
    return _numbers(value, (3,), -1, "[channels, height, width], one of them -1 to be worked out")


def _channels(value: object) -> tuple[int, ...]:
    return _numbers(value, (1, 2), 0, "how many channels, or [start, stop]")


def _op(value: object, info: ValidationInfo) -> object:
    skips = bool(info.context and info.context.get("skip_unknown"))
    known = isinstance(value, str) and value in OPS
    if not known and not (skips and isinstance(value, str) and value):
        suggestion = nearest(value, OPS) if isinstance(value, str) else None
        raise Rejected("unknown op", f"one of {', '.join(OPS)}", suggestion)
    return value


def _names(value: object) -> object:
    names = value if isinstance(value, list) else [value]
    wrong = [i for i, name in enumerate(names) if not isinstance(name, str) or not name]
    if wrong or not names:
        at = tuple(wrong[:1]) if names is value else ()
        raise Rejected("wrong value", "the name of a layer above or of an input, or a list of them", path=at)
    return tuple(names)


def _lists(least: int, *lengths: int) -> list[dict[str, object]]:
    """Describe lists of so many whole numbers to editors."""
    items = {"type": "integer", "minimum": least, "maximum": LARGEST_COUNT}
    return [{"type": "array", "items": items, "minItems": length, "maxItems": length} for length in lengths]


def _number(least: int) -> dict[str, object]:
    return {"type": "integer", "minimum": least, "maximum": LARGEST_COUNT}


LayerName = Annotated[str, Field(min_length=1, max_length=LONGEST_NAME)]
Sizes = Annotated[Pair, BeforeValidator(_pair), WithJsonSchema({"anyOf": [_number(1), *_lists(1, 2)]})]
Extents = Annotated[tuple[int, int, int, int], BeforeValidator(_extents), WithJsonSchema({"anyOf": _lists(1, 3, 4)})]
Names = Annotated[
    tuple[str, ...],
    BeforeValidator(_names),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]}),
]
Padded = Annotated[
    Padding,
    BeforeValidator(_padding),
    WithJsonSchema({"anyOf": [_number(0), {"enum": list(WORDS)}, *_lists(0, 1, 2, 4)]}),
]
Channels = Annotated[
    tuple[int, ...], BeforeValidator(_channels), WithJsonSchema({"anyOf": [_number(0), *_lists(0, 1, 2)]})
]
Reshaped = Annotated[tuple[int, ...], BeforeValidator(_shape), WithJsonSchema({"anyOf": _lists(-1, 3)})]


class Row(Written):
    """One layer; see `workloads.importers.yaml_layers` for what each key means."""

    op: Annotated[
        str, BeforeValidator(_op), Field(max_length=LONGEST_NAME), WithJsonSchema({"type": "string", "enum": list(OPS)})
    ]
    name: LayerName | None = None
    inputs: Names | None = None
    filters: Count | None = None
    kernel: Sizes = (1, 1)
    stride: Sizes = (1, 1)
    padding: Padded = 0
    dilation: Sizes = (1, 1)
    groups: Count = 1
    bias: bool = False
    activation: LayerName | None = None
    ceil: bool = False
    size: Sizes | None = None
    channels: Channels | None = None
    shape: Reshaped | None = None
    axis: Annotated[int, Field(ge=0, le=3)] = 1
    output: Extents | None = None
    variant: Annotated[str, Field(max_length=LONGEST_NAME)] = ""
    stage: Annotated[str, Field(max_length=LONGEST_NAME)] | None = None
    zero_inputs_fraction: Fraction01 | None = None
    zero_weights_fraction: Fraction01 | None = None
    zero_outputs_fraction: Fraction01 | None = None
    zero_columns: bool = False
    constant_elements: Annotated[int, Field(ge=0, le=MOST_ELEMENTS)] = 0


class LayerList(Written):
    """A whole network."""

    name: LayerName | None = None
    inputs: dict[str, Extents] = Field(min_length=1, max_length=MOST_LAYERS)
    layers: list[Row] = Field(min_length=1, max_length=MOST_LAYERS)
    outputs: Names | None = None
    facts: dict[str, str] = Field(default_factory=dict)
