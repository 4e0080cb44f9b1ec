"""The command `simulate`: one module per subcommand, none of which imports what it may not need."""

import sys
from typing import NoReturn


def main() -> NoReturn:
    """Run the command line on the process's arguments and exit with its status."""
    from simulator.cli.exits import run

    sys.exit(run(sys.argv[1:]))
