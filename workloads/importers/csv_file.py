"""Import CSV: a layer list of the project's own, or a SCALE-Sim topology, told by its header."""

from collections.abc import Mapping
from pathlib import Path

from simulator.errors import InputError, Problem
from simulator.network.ir import Network
from workloads.importers.bounds import read_text
from workloads.importers.csv_cells import read_table

MOST_BYTES = 1 << 22


def import_csv(path: Path, skip_unknown: bool = False, sizes: Mapping[str, int] | None = None) -> Network:
    """Import a file."""
    if sizes:
        raise InputError(Problem("a layer list takes no parameters", str(path), got=", ".join(sizes)))
    table = read_table(read_text(path, MOST_BYTES), str(path))
    columns = {name.lower() for name in table.columns}
    if "op" in columns:
        from workloads.importers.csv_layers import import_rows

        return import_rows(table, path.stem, skip_unknown)
    from workloads.importers.scalesim import import_topology

    return import_topology(table, path.stem)
