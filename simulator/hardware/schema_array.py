"""The PE array of a machine as a user writes it: registers, networks, zeros."""

from typing import Annotated, Literal

from pydantic import Field

from simulator.source.fields import Count, CountOrZero, Fraction01, Written, renamed_values

Axis = Annotated[int, Field(ge=1, le=4096)]
NetworkName = Literal["multicast", "systolic", "unicast"]
Preload = Annotated[Literal["hidden", "exposed", "double_buffered"], renamed_values({"behind_step": "double_buffered"})]
Words = Count | Literal["edge"]


class Registers(Written):
    """Words that one PE keeps of each operand."""

    inputs: Count
    weights: Count
    outputs: Count


class InputDelivery(Written):
    """The network that brings inputs.

    `words_per_cycle: edge` is one for each row or column, whichever are more. `forwarding`: neighbours hand on what the
    array already holds. `windows: apart`: a buffer read serves PEs with equal windows, each of windows that merely
    overlap is read by itself, and one keeps what it shares with the next only where the innermost loop moves it, as
    Timeloop counts.
    """

    network: NetworkName
    words_per_cycle: Words
    preload: Preload = "hidden"
    forwarding: bool = False
    windows: Literal["joined", "apart"] = "joined"


class WeightDelivery(Written):
    """The network that brings weights."""

    network: NetworkName
    words_per_cycle: Words
    preload: Preload = "hidden"


class OutputDelivery(Written):
    """The network of partial sums and outputs. `directions`: in and out at the same time, or one at a time.

    `initial_sums`: partial sums are read from the buffer the first time, too, as zeros or biases.
    """

    network: NetworkName
    words_per_cycle: Words
    directions: Literal["concurrent", "shared"] = "concurrent"
    reduce_along: Literal["rows", "columns", "both", "none"] = "none"
    initial_sums: bool = False


class Deliveries(Written):
    """The networks between buffer and PEs."""

    inputs: InputDelivery
    weights: WeightDelivery
    outputs: OutputDelivery


class ZeroWeights(Written):
    """Share of zero weights, and how many of them in a row the front end inspects a cycle (1: skips none)."""

    fraction: Fraction01
    skip_window: Annotated[int, Field(ge=1, le=64)] = 1


class ZeroInputs(Written):
    """Share of zeros among inputs where a layer does not say it, and whether a zero input gates the MAC."""

    fraction: Fraction01
    gate: bool = False


class Zero(Written):
    """What the machine makes of zeros.

    `skipped_in_pes`: operands that PEs hold compressed, so that each leaves out products with their zeros by itself.
    That is the most that skipping gains: zeros are spread evenly, and no PE waits for one that has fewer.
    """

    weights: ZeroWeights | None = None
    inputs: ZeroInputs | None = None
    skipped_in_pes: Annotated[list[Literal["inputs", "weights"]], Field(max_length=2)] = Field(default_factory=list)


class Array(Written):
    """The PE array. `skewed`: operands move through it as a wave front, whose way is over all rows and columns; with
    `skew_over: used`, over those only to which a step gives work.

    `step_cycles`: a step of the array, all that its PEs do between two turns of the loops around it, takes at least so
    many cycles, however few MACs there are in it. At 1 it takes as long as its MACs.
    `tile_setup_cycles`: what the array waits before each tile of the outermost memory, until that is set up.
    """

    rows: Axis
    columns: Axis
    macs_per_cycle: Annotated[int, Field(ge=1, le=4096)] = 1
    step_cycles: Annotated[int, Field(ge=1, le=65536)] = 1
    tile_setup_cycles: CountOrZero = 0
    instances: Annotated[int, Field(ge=1, le=64)] = 1
    registers_words: Registers
    delivery: Deliveries
    skewed: bool = False
    skew_over: Literal["array", "used"] = "array"
    zero: Zero = Zero()
