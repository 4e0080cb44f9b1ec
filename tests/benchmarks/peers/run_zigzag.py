"""Run ZigZag in an environment of its own (`pip install zigzag-dse`): `run_zigzag.py FOLDER`.

FOLDER holds machine.yaml, mapping.yaml and layers.yaml. Prints, as JSON, CPU seconds without imports and the cycles of
each layer: the least latency that its default search of temporal mappings (loma) finds.
"""

import json
import logging
import sys
import time
from pathlib import Path

from zigzag.api import get_hardware_performance_zigzag


def main(folder: Path) -> None:
    """Map the layers; print what they take."""
    logging.disable(logging.CRITICAL)
    start = time.process_time()
    _, _, found = get_hardware_performance_zigzag(
        str(folder / "layers.yaml"),
        str(folder / "machine.yaml"),
        str(folder / "mapping.yaml"),
        opt="latency",
        dump_folder=str(folder / "out"),
        loma_show_progress_bar=False,
    )
    cpu_s = time.process_time() - start
    cycles = [evaluation.latency_total2 for evaluation, _ in found[0][1]]
    print(json.dumps({"cpu_s": cpu_s, "cycles": cycles}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
