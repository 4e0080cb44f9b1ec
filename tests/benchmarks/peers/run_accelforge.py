"""Run accelforge in an environment of its own (Python 3.12, `pip install accelforge`): `run_accelforge.py FOLDER`.

FOLDER holds machine.yaml and a workload of one layer in each of layer0.yaml, layer1.yaml, ... Prints, as JSON, CPU
seconds without imports and the cycles of each layer: the least latency, which its mapper proves.
"""

import json
import sys
import time
from pathlib import Path

import accelforge
from accelforge.mapper.FFM.main import map_workload_to_arch


def main(folder: Path) -> None:
    """Map the layers; print what they take."""
    accelforge.set_n_parallel_jobs(1)
    cycles, start = [], time.process_time()
    for number in range(len(list(folder.glob("layer*.yaml")))):
        spec = accelforge.Spec.from_yaml(str(folder / "machine.yaml"), str(folder / f"layer{number}.yaml"))
        spec.mapper.metrics = accelforge.Metrics.LATENCY
        found = map_workload_to_arch(spec, print_progress=False, eval_in_detail=False)
        cycles.append(float(found.data.iloc[0]["Total<SEP>latency"]))
    print(json.dumps({"cpu_s": time.process_time() - start, "cycles": cycles}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
