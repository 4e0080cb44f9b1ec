"""The DRAM port between cores: cycle by cycle, one after the other of those that have a transaction there.

Of k cores under way, numbered from the one whose turn it is, the j-th is served in cycles j, j + k, j + 2k, ... until
one of them is done or another comes. In d cycles it gets ceil((d - j) / k) of them, and its last of r is over after
(r - 1) k + j + 1. A core by itself has every cycle, as if it had the port alone.
"""

from dataclasses import dataclass, field


@dataclass(slots=True)
class RoundRobin:
    """The cores under way by number, with the cycles that each still takes the port, and the one served last."""

    left: dict[int, int] = field(default_factory=dict)
    last: int = -1

    def add(self, core: int, cycles: int) -> None:
        """Let a core take the port for so many cycles, from the next on whenever it is its turn."""
        self.left[core] = cycles

    def next_end(self) -> int:
        """Return after how many cycles the first of those under way is done, if none comes meanwhile."""
        cores = self._in_turn()
        return min((self.left[core] - 1) * len(cores) + place + 1 for place, core in enumerate(cores))

    def serve(self, cycles: int) -> list[int]:
        """Let so many cycles pass, no more than until one is done; return those that are."""
        if not cycles:
            return []
        cores = self._in_turn()
        for place, core in enumerate(cores):
            self.left[core] -= -((place - cycles) // len(cores))
        self.last = cores[(cycles - 1) % len(cores)]
        done = [core for core in cores if not self.left[core]]
        for core in done:
            del self.left[core]
        return done

    def _in_turn(self) -> list[int]:
        return sorted(self.left, key=lambda core: (core <= self.last, core))
