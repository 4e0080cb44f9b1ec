"""Dataflows and mappings as a user writes them."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from simulator.errors import nearest
from simulator.nest import Dim
from simulator.source import Rejected
from simulator.source.fields import Name, Text, Written, renamed_keys

DIM_NAMES = tuple(d.name for d in Dim)
Axis = Annotated[list[Annotated[str, AfterValidator(lambda name: _dimension(name))]], Field(max_length=8)]


def _dimension(name: str) -> str:
    if name not in DIM_NAMES:
        raise Rejected("unknown loop dimension", f"one of {', '.join(DIM_NAMES)}", nearest(name.upper(), DIM_NAMES))
    return name


def _distinct(names: list[str], *where: str) -> None:
    for i, name in enumerate(names):
        if name in names[:i]:
            raise Rejected(f"dimension {name} given twice", "each dimension once", path=(*where, i))


class WrittenDataflow(Written):
    """A dataflow; see `simulator.mapping.dataflow.Dataflow`."""

    _old_names = renamed_keys(
        {"packs": "channel_packing", "whole": "untiled", "stepwise": "one_step_a_tile", "first": "greedy"}
    )

    name: Name
    source: Text
    rows: Axis
    columns: Axis
    arrays: Axis = Field(default_factory=lambda: ["K", "P"])
    registers: Axis = Field(default_factory=list)
    stationary: Literal["inputs", "weights", "outputs", "none"]
    lowered: bool = False
    channel_packing: bool = False
    untiled: Axis = Field(default_factory=list)
    one_step_a_tile: Axis = Field(default_factory=list)
    greedy: Axis = Field(default_factory=list)
    order: Axis = Field(default_factory=list)

    @model_validator(mode="after")
    def _check(self) -> "WrittenDataflow":
        for where in ("rows", "columns", "arrays", "registers", "untiled", "one_step_a_tile", "greedy", "order"):
            _distinct(getattr(self, where), where)
        if self.order and len(self.order) != len(DIM_NAMES):
            raise Rejected("not all loops are ordered", f"all of {', '.join(DIM_NAMES)}", path=("order",))
        if self.channel_packing and (self.lowered or "C" not in self.rows + self.columns):
            raise Rejected("no lanes to pack", "C on rows or columns, and no lowering", path=("channel_packing",))
        for i, name in enumerate(self.arrays):
            if name in ("C", "R", "S"):
                raise Rejected("sums are not added across arrays", "one of N, G, K, P, Q", path=("arrays", i))
        if self.lowered:
            for where in ("rows", "columns", "arrays", "registers"):
                for i, name in enumerate(getattr(self, where)):
                    if name not in "GKCP":
                        raise Rejected("no dimension of a matrix product", "one of G, K, C, P", path=(where, i))
        return self


_LOOP = re.compile(r"[NGKCPQRS][1-9][0-9]{0,8}(:[1-9][0-9]{0,8})?")


def _loop(text: str) -> str:
    if not _LOOP.fullmatch(text):
        raise Rejected("not a loop", "a dimension and its bound, as K16, and in `dram` its tile where needed, as K3:16")
    return text


Loops = Annotated[list[Annotated[str, AfterValidator(_loop)]], Field(max_length=8)]


class WrittenMapping(Written):
    """One layer's mapping; see `simulator.mapping.text`."""

    _old_names = renamed_keys({"packs": "channel_packing"})

    dataflow: Name
    dram: Loops = Field(default_factory=list)
    buffer: Loops = Field(default_factory=list)
    levels: dict[Name, Loops] = Field(default_factory=dict, max_length=8)
    arrays: Loops = Field(default_factory=list)
    rows: Loops = Field(default_factory=list)
    columns: Loops = Field(default_factory=list)
    registers: Loops = Field(default_factory=list)
    lowered: bool = False
    retains: bool = True
    channel_packing: bool = False
    stationary: Literal["inputs", "weights", "outputs"] | None = None

    @model_validator(mode="after")
    def _check(self) -> "WrittenMapping":
        for where in ("dram", "buffer", "arrays", "rows", "columns", "registers"):
            _distinct([loop[0] for loop in getattr(self, where)], where)
        for name, loops in self.levels.items():
            _distinct([loop[0] for loop in loops], "levels", name)
        return self


class WrittenMappings(Written):
    """A mapping file."""

    layers: dict[Annotated[str, Field(max_length=500)], WrittenMapping] = Field(min_length=1)
