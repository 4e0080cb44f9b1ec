"""squeezesim: a cycle-approximate simulator and profiler of PE-array neural-network accelerators.

>>> from simulator import simulate
>>> simulate("squeezenext_16x16", "squeezenext:variant=v5").network.macs
224916480
"""

TYPE_CHECKING = False  # loading `typing` takes longer than all else here, and Ctrl-C may come meanwhile

if TYPE_CHECKING:
    from simulator.door import simulate, timeline
    from simulator.hardware.load import load_hardware
    from workloads.load import load_network
    from workloads.torch_bridge import from_torch

__all__ = ["from_torch", "load_hardware", "load_network", "simulate", "timeline"]


def __dir__() -> list[str]:
    """List what is public, though it is not loaded yet."""
    return sorted(__all__)


def __getattr__(name: str) -> object:
    """Load the public functions when they are first asked for: the command line needs few of them."""
    if name == "simulate":
        from simulator.door import simulate

        return simulate
    if name == "timeline":
        from simulator.door import timeline

        return timeline
    if name == "load_hardware":
        from simulator.hardware.load import load_hardware

        return load_hardware
    if name == "load_network":
        from workloads.load import load_network

        return load_network
    if name == "from_torch":
        from workloads.torch_bridge import from_torch

        return from_torch
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
