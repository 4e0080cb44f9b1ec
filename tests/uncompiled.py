"""Let kernels run as plain Python where numba is told not to compile (NUMBA_DISABLE_JIT=1), as debuggers want it.

Compiled code reads the fields of a record as attributes; records of numpy have none, so here they get them.
"""

import importlib
import pkgutil

import numba
import numpy as np

import simulator.cost


class Fields(np.void):
    """A record whose fields are attributes, be they named like methods of numpy or not."""

    def __getattribute__(self, name):
        if name[:2] != "__" and name in np.void.__getattribute__(self, "dtype").fields:
            value = self[name]
            return value.item() if isinstance(value, np.generic) and not isinstance(value, np.void) else value
        return np.void.__getattribute__(self, name)

    def __setattr__(self, name, value):
        self[name] = value


def give_records_attributes() -> None:
    """Make all dtypes of the kernels such that plain Python reads them as compiled code does."""
    if not numba.config.DISABLE_JIT:
        return
    for found in pkgutil.iter_modules(simulator.cost.__path__, "simulator.cost."):
        module = importlib.import_module(found.name)
        for name, value in list(vars(module).items()):
            if isinstance(value, np.dtype) and value.names:
                setattr(module, name, np.dtype((Fields, value)))
