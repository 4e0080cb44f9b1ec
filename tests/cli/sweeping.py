"""Run the command with the network `tiny` bundled, here and, as it is their main script, in the processes it spawns."""

import sys

from workloads.registry import BUILDERS

BUILDERS["tiny"] = "tests.cli.tiny:tiny"

if __name__ == "__main__":
    from simulator.cli.exits import run

    sys.exit(run(sys.argv[1:]))
