"""What the simulator tells of its work, by the standard logging module: nothing, unless somebody listens.

`simulate -v` does; in Python, `logging.basicConfig(level="INFO")` is enough.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter

LOG = logging.getLogger("squeezesim")
"""INFO: phases with their times, files written. DEBUG: each mapping, each file read."""


@contextmanager
def timed(message: str, *arguments: object) -> Iterator[None]:
    """Tell of a phase once it is over, and how long it took."""
    begun = perf_counter()
    yield
    LOG.info(f"{message} in %.2f s", *arguments, perf_counter() - begun)
