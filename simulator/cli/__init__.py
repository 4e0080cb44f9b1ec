"""The command `simulate`: one module per subcommand, none of which imports what it may not need."""

import gc
import os
import sys
from typing import NoReturn


def main() -> NoReturn:
    """Run the command line on the process's arguments and exit with its status."""
    from simulator.cli.interrupts import INTERRUPTED, end, watch

    try:
        watch()
        status = _run()
        if status == INTERRUPTED:
            sys.stdout.flush()
            os._exit(status)  # searches under way, in threads of their own, are not waited for
    except KeyboardInterrupt:
        end()
    sys.exit(status)


def _run() -> int:
    gc.set_threshold(200_000)  # a short process makes many objects and little garbage
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")  # looked for in every package that is installed
    from simulator.cli.streams import open_streams
    from simulator.errors import InputError
    from simulator.packages import check_packages

    open_streams()
    try:
        check_packages()
    except InputError as error:
        print(error.render(), file=sys.stderr)
        return 2
    from simulator.cli.exits import run

    return run(sys.argv[1:])
