"""The DRAM port between cores: cycle by cycle, in turns of those that have a transaction there.

A core takes the port for as many cycles as its bytes need at the rate of one; `streams` cores are served at a time.
Of k cores under way, numbered from the one whose turn it is, and m = min(streams, k), the j-th is served in slots j,
j + k, j + 2k, ..., of which a cycle has m, until one of them is done or another comes. In d cycles it gets
ceil((d m - j) / k) of them, and its last of r lies in cycle floor(((r - 1) k + j) / m). Up to `streams` cores have
every cycle, as if each had the port alone.
"""

from dataclasses import dataclass, field


@dataclass(slots=True)
class RoundRobin:
    """The cores under way by number, with the cycles that each still takes the port, and the one served last."""

    streams: int
    left: dict[int, int] = field(default_factory=dict)
    last: int = -1

    def add(self, core: int, cycles: int) -> None:
        """Let a core take the port for so many cycles, from the next on whenever it is its turn."""
        self.left[core] = cycles

    def next_end(self) -> int:
        """Return after how many cycles the first of those under way is done, if none comes meanwhile."""
        cores = self._in_turn()
        together = min(self.streams, len(cores))
        slots = ((self.left[core] - 1) * len(cores) + place for place, core in enumerate(cores))
        return min(slots) // together + 1

    def serve(self, cycles: int) -> list[int]:
        """Let so many cycles pass, no more than until one is done; return those that are."""
        if not cycles:
            return []
        cores = self._in_turn()
        slots = cycles * min(self.streams, len(cores))
        for place, core in enumerate(cores):
            self.left[core] -= -((place - slots) // len(cores))
        self.last = cores[(slots - 1) % len(cores)]
        done = [core for core in cores if not self.left[core]]
        for core in done:
            del self.left[core]
        return done

    def _in_turn(self) -> list[int]:
        return sorted(self.left, key=lambda core: (core <= self.last, core))
