"""Whether a machine can run mappings that are given, each checked once."""

from collections.abc import Mapping as MappingType
from collections.abc import Sequence

from simulator.cost.legality import Around, violations
from simulator.engine.mapping_cache import machine_key, op_key
from simulator.engine.store import Rows, key_of
from simulator.errors import InputError, Problem
from simulator.hardware.model import Hardware
from simulator.mapping.mapping import Mapping
from simulator.schedule import PlannedOp, played


def around(op: PlannedOp) -> Around:
    """Return what is around an op when it runs."""
    return Around(op.resident, op.reserved_bytes, op.residuals, op.parameters)


class Checks:
    """Checks mappings against a machine; what `rows` know is not checked again."""

    def __init__(self, hardware: Hardware, rows: Rows) -> None:
        self.hardware, self.rows = hardware, rows
        self.machine = key_of(machine_key(hardware))

    def reasons(self, mapping: Mapping, op: PlannedOp) -> list[str]:
        """Return every reason why the machine cannot run an op by the mapping."""
        key = key_of("reasons", self.machine, op_key(op), mapping)
        reasons: list[str] = self.rows.recall(key, lambda: violations(mapping, op.layer, self.hardware, around(op)))
        return reasons

    def of_all(self, mappings: MappingType[str, Mapping], ops: Sequence[PlannedOp]) -> None:
        """Raise InputError for mappings of layers that the network does not have, and for those that cannot run."""
        planned = {op.layer.name: op for op in (*(op for op in ops if not op.in_stack), *played(ops))}
        if unknown := sorted(mappings.keys() - planned.keys()):
            raise InputError(*(Problem("the network has no such layer", path=f"mapping.{name}") for name in unknown))
        problems = [
            Problem(reason, path=f"mapping.{name}")
            for name, mapping in mappings.items()
            for reason in self.reasons(mapping, planned[name])
        ]
        if problems:
            raise InputError(*problems)
