"""What arrays are built of: PEs that multiply and pass on, and the registers that make a wave front."""

from amaranth.hdl import Elaboratable, Module, Mux, Signal, signed
from amaranth.lib.data import Struct

WORD = signed(8)
SUM = signed(32)


class Operand(Struct):
    """A word on its way from left to right; `first` and `last` mark the ends of a fold's stream."""

    value: WORD
    valid: 1
    first: 1
    last: 1


class Weight(Struct):
    """A weight on its way down; `shift` tells the PE to take it and to give its own to the PE below."""

    value: WORD
    shift: 1


class OutputStationaryPE(Elaboratable):
    """Multiply what comes from the left by what comes from above, add it to the sum that stays, pass both on.

    `right` and `below` are registers, so that a word is at the neighbour a cycle later. So is `sum`, which the first
    product of a fold replaces.
    """

    def __init__(self, left, above):
        self.left, self.above = left, above
        self.right, self.below, self.sum = Signal(Operand), Signal(WORD), Signal(SUM)

    def elaborate(self, platform):
        m = Module()
        m.d.sync += [self.right.eq(self.left), self.below.eq(self.above)]
        with m.If(self.left.valid):
            m.d.sync += self.sum.eq(self.left.value * self.above + Mux(self.left.first, 0, self.sum))
        return m


class WeightStationaryPE(Elaboratable):
    """Multiply what comes from the left by the weight that stays, add it to the sum from above, pass both on.

    `right` and `sum` are registers. A shift moves the weights of all rows down by one PE at once.
    """

    def __init__(self, left, above, weight_above):
        self.left, self.above, self.weight_above = left, above, weight_above
        self.right, self.sum, self.weight_below = Signal(Operand), Signal(SUM), Signal(Weight)

    def elaborate(self, platform):
        m = Module()
        weight = Signal(WORD)
        m.d.comb += [self.weight_below.value.eq(weight), self.weight_below.shift.eq(self.weight_above.shift)]
        m.d.sync += [self.right.eq(self.left), self.sum.eq(self.above + self.left.value * weight)]
        with m.If(self.weight_above.shift):
            m.d.sync += weight.eq(self.weight_above.value)
        return m


class TwoWeightsPE(WeightStationaryPE):
    """Likewise, with a spare register, from which the first operand of a fold takes the weight into use.

    Shifts concern the spares, and go down the columns like the sums, a row later each cycle.
    """

    def elaborate(self, platform):
        m = Module()
        kept, spare, weight = Signal(WORD), Signal(WORD), Signal(WORD)
        m.d.comb += weight.eq(Mux(self.left.first, spare, kept))
        m.d.sync += [
            self.right.eq(self.left),
            self.sum.eq(self.above + self.left.value * weight),
            kept.eq(weight),
            self.weight_below.value.eq(spare),
            self.weight_below.shift.eq(self.weight_above.shift),
        ]
        with m.If(self.weight_above.shift):
            m.d.sync += spare.eq(self.weight_above.value)
        return m


def skewed(m, lanes):
    """Put i registers into lane i, so that what enters together arrives as a wave front."""
    late = []
    for i, lane in enumerate(lanes):
        for _ in range(i):
            register = Signal(lane.shape())
            m.d.sync += register.eq(lane)
            lane = register
        late.append(lane)
    return late


def lanes(m, shape, values, **tags):
    """Return one word of a shape for each lane of an edge: its value, and tags that all of them have."""
    words = [Signal(shape) for _ in values]
    for word, value in zip(words, values, strict=True):
        m.d.comb += word.value.eq(value)
        m.d.comb += [word[name].eq(tag) for name, tag in tags.items()]
    return words
