"""What makes an array work off the folds of a product, and counts the cycles.

No sequencer knows how long a wave takes to cross the array: the array tells it when the last operand of a fold is in
the last PE. Those that fill weights know the rows, as a fill takes one shift for each; with fewer, products are wrong.
"""

from amaranth.hdl import C, Elaboratable, Module, Signal

from tests.oracle.rtl.cells import Operand

COUNT = 24  # bits of counters


class Sequencer(Elaboratable):
    """Stream the operands of a fold, wait until the last is in the last PE, go on with the next fold.

    `folds` tells how many there are, `steps` how many operands a lane gets in the current one. The array drives
    `finished`. The buffer reads `fold` and `step` while `stream.valid` is high.
    """

    def __init__(self):
        self.folds, self.steps, self.finished = Signal(COUNT), Signal(COUNT), Signal()
        self.fold, self.step, self.stream = Signal(COUNT), Signal(COUNT), Signal(Operand)
        self.done, self.cycles = Signal(COUNT), Signal(COUNT)

    def elaborate(self, platform):
        m = Module()
        pending = (self.fold < self.folds) & (self.step < self.steps)
        m.d.comb += [
            self.stream.valid.eq(pending & self.ready(m)),
            self.stream.first.eq(self.stream.valid & (self.step == 0)),
            self.stream.last.eq(self.stream.valid & (self.step + 1 == self.steps)),
        ]
        m.d.sync += [
            self.cycles.eq(self.cycles + (self.done < self.folds)),
            self.done.eq(self.done + self.finished),
        ]
        with m.If(self.over()):
            m.d.sync += [self.fold.eq(self.fold + 1), self.step.eq(0)]
        with m.Elif(self.stream.valid):
            m.d.sync += self.step.eq(self.step + 1)
        return m

    def ready(self, m):
        """Whether the current fold's weights are where they must be; here none need to be."""
        return C(1)

    def over(self):
        """Whether the next fold is to be the current one."""
        return self.finished


class PreloadSequencer(Sequencer):
    """Shift the weights of a fold into the array before its operands.

    The buffer reads `fills`, the fold whose weights come, and `row`, how many rows have, while `shift` is high.
    """

    def __init__(self, rows):
        super().__init__()
        self.rows = rows
        self.fills, self.row, self.shift = Signal(COUNT), Signal(COUNT), Signal()

    def ready(self, m):
        m.d.comb += self.shift.eq((self.fills < self.folds) & self.free())
        with m.If(self.shift):
            m.d.sync += self.row.eq(self.row + 1)
            with m.If(self.row + 1 == self.rows):
                m.d.sync += [self.fills.eq(self.fills + 1), self.row.eq(0)]
        return self.fills > self.fold

    def free(self):
        """Whether registers are free for the next weights."""
        return self.fills == self.fold


class OverlapSequencer(PreloadSequencer):
    """Shift the weights of the next fold into spare registers as soon as the current fold has taken its own.

    The next fold's operands then follow the current one's without a gap, wherever the wave front is.
    """

    def free(self):
        taken = self.stream.valid | (self.step > 0)
        return super().free() | ((self.fills == self.fold + 1) & taken)

    def over(self):
        return self.stream.last
