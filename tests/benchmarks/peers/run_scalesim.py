"""Run SCALE-Sim in an environment of its own (`pip install scalesim "numpy<2.3"`): `run_scalesim.py FOLDER`.

FOLDER holds machine.cfg and layers.csv. Prints, as JSON, CPU seconds without imports and the cycles of each layer.
"""

import csv
import json
import os
import sys
import time
from pathlib import Path

from scalesim.scale_sim import scalesim

COLUMNS_OF_LAYOUT = 20
"""Cells of a row of the layout file, which SCALE-Sim reads though no layout is used."""


def main(folder: Path) -> None:
    """Run the layers; print what they take."""
    topology, layout = folder / "layers.csv", folder / "layout.csv"
    names = [line.split(",")[0] for line in topology.read_text().splitlines()[1:]]
    layout.write_text("header,\n" + "".join(f"{name}{', 1' * COLUMNS_OF_LAYOUT},\n" for name in names))
    print_to, sys.stdout = sys.stdout, open(os.devnull, "w")  # noqa: SIM115
    start = time.process_time()
    run = scalesim(True, False, str(folder / "machine.cfg"), str(topology), str(layout), False)
    run.run_scale(top_path=str(folder / "out"))
    cpu_s, sys.stdout = time.process_time() - start, print_to
    report = next((folder / "out").rglob("COMPUTE_REPORT.csv"))
    rows = list(csv.reader(report.read_text().splitlines(), skipinitialspace=True))
    cycles = [int(float(row[rows[0].index("Total Cycles")])) for row in rows[1:]]
    print(json.dumps({"cpu_s": cpu_s, "cycles": cycles}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
