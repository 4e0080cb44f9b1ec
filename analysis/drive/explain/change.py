"""What levers yield: a changed machine or a changed network, which is then simulated."""

from collections.abc import Callable
from dataclasses import dataclass

from simulator.hardware.model import Hardware
from simulator.network.ir import Network

Progress = Callable[[int, int, str], None]

SAME, UNKNOWN = "same", "unknown"
"""What a change does to accuracy: nothing, or what nobody has published."""


@dataclass(frozen=True, slots=True)
class Change:
    """A change: by which lever, where, in words what was changed from what into what, and what is simulated then.

    `target` is the machine's, a stage's or a layer's name; several alike layers are told by the first of them. Of
    machine, network and dataflow, None stays as it was. `frames`: so many times the samples are run at once, by the
    same network. `accuracy` is what becomes of it, in words.
    """

    lever: str
    target: str
    what: str
    machine: Hardware | None = None
    network: Network | None = None
    dataflow: str | None = None
    frames: int = 1
    accuracy: str = SAME

    @property
    def of_machine(self) -> bool:
        """Whether the machine is changed, or how it is used, and the network is not."""
        return self.network is None or self.frames > 1


class CannotChange(Exception):
    """Why a network does not allow a change, in a few words."""
