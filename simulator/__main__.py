"""Run the command line with `python -m simulator`, or as `simulate`.

What handles Ctrl-C (`simulator.cli.interrupts`) takes a moment to load. Until then the process simply ends.
"""

import os
import signal


def _end(*_: object) -> None:
    """End at once: nothing has begun."""
    os.write(2, b"interrupted\n")
    os._exit(130)


if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, _end)

from simulator.cli import main  # noqa: E402

if __name__ == "__main__":
    main()
