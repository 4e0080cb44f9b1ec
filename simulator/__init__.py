"""squeezesim: a cycle-approximate simulator and profiler of PE-array neural-network accelerators.

>>> from simulator import simulate
>>> simulate("squeezenext_16x16", "squeezenext:variant=v5").network.macs
224916480
"""

TYPE_CHECKING = False  # loading `typing` takes longer than all else here, and Ctrl-C may come meanwhile

if TYPE_CHECKING:
    from simulator.door import open_run as load_run
    from simulator.door import simulate, timeline
    from simulator.hardware.load import load_hardware
    from simulator.hardware.model import Hardware
    from simulator.network.ir import Network
    from simulator.result.run import Run
    from workloads.load import load_network
    from workloads.torch_bridge import from_torch

__all__ = [
    "Hardware",
    "Network",
    "Run",
    "from_torch",
    "load_hardware",
    "load_network",
    "load_run",
    "simulate",
    "timeline",
]
_HOMES = {
    "Hardware": "simulator.hardware.model:Hardware",
    "Network": "simulator.network.ir:Network",
    "Run": "simulator.result.run:Run",
    "from_torch": "workloads.torch_bridge:from_torch",
    "load_hardware": "simulator.hardware.load:load_hardware",
    "load_network": "workloads.load:load_network",
    "load_run": "simulator.door:open_run",
    "simulate": "simulator.door:simulate",
    "timeline": "simulator.door:timeline",
}
"""What is public -> its module and name there."""


def __dir__() -> list[str]:
    """List what is public, though it is not loaded yet."""
    return sorted(__all__)


def __getattr__(name: str) -> object:
    """Load what is public when it is first asked for: the command line needs little of it."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    from simulator.packages import check_packages

    check_packages()
    module, _, own = _HOMES[name].partition(":")
    found: object = getattr(import_module(module), own)
    return found
