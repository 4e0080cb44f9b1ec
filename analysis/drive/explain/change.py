"""What levers yield: a changed machine or a changed network, which is then simulated."""

from collections.abc import Callable
from dataclasses import dataclass

from simulator.hardware.model import Hardware
from simulator.network.ir import Network

Progress = Callable[[int, int, str], None]


@dataclass(frozen=True, slots=True)
class Change:
    """A change: by which lever, where, in words what was changed from what into what, and what is simulated then.

    `target` is the machine's, a stage's or a layer's name; several alike layers are told by the first of them. Of
    machine, network and dataflow, None stays as it was.
    """

    lever: str
    target: str
    what: str
    machine: Hardware | None = None
    network: Network | None = None
    dataflow: str | None = None

    @property
    def of_machine(self) -> bool:
        """Whether the machine is changed, or how it is used, and the network is not."""
        return self.network is None


class CannotChange(Exception):
    """Why a network does not allow a change, in a few words."""
