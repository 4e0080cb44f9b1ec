"""Off-chip memories by type: banks, rows and the times of their commands, of one channel.

Of each type a common part at a common speed. Times that a standard gives in clocks are in nanoseconds here, as data
sheets have them. Another speed of the same type changes how fast bursts follow one another, which a machine's
`bandwidth` tells, and none of these times: they are those of cells and sense amplifiers.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DramType:
    """A channel: what its banks hold open, and how long commands take, in picoseconds.

    `activate_ps` (tRCD) passes from activating a row to a read or write, `column_ps` (tCAS) from that to its data,
    `precharge_ps` (tRP) from closing a row to activating another, `active_ps` (tRAS) at least from activating a row to
    closing it; so tRC = tRAS + tRP. Within `window_ps` (tFAW) at most four rows are activated. A row may be closed
    `recovery_ps` (tWR) after data were written, and read `turn_ps` (tWTR) after. Every `interval_ps` (tREFI) all banks
    are closed and refreshed, for `refresh_ps` (tRFC).
    """

    bandwidth: int  # bytes a second, of a channel
    banks: int
    row_bytes: int  # of all devices of the channel
    burst_bytes: int
    activate_ps: int
    column_ps: int
    precharge_ps: int
    active_ps: int
    window_ps: int
    recovery_ps: int
    turn_ps: int
    refresh_ps: int
    interval_ps: int

    @property
    def cycle_ps(self) -> int:
        """From activating a row of a bank to activating another one of it (tRC)."""
        return self.active_ps + self.precharge_ps


DRAM_TYPES = {
    # JEDEC JESD79-3F, DDR3-1600K (11-11-11); rows and tFAW of eight x8 devices of 4 Gb, whose tRFC is 260 ns. Bursts
    # of 8, 64 bits wide.
    "DDR3": DramType(
        bandwidth=12_800_000_000, banks=8, row_bytes=8192, burst_bytes=64,
        activate_ps=13_750, column_ps=13_750, precharge_ps=13_750, active_ps=35_000, window_ps=30_000,
        recovery_ps=15_000, turn_ps=7_500, refresh_ps=260_000, interval_ps=7_800_000,
    ),
    # JEDEC JESD79-4B, DDR4-2400R (16-16-16); rows and tFAW of eight x8 devices of 8 Gb, whose tRFC is 350 ns. Bursts of
    # 8, 64 bits wide. Banks of four groups are taken in turn, so that tCCD_S counts, and of reads after writes tWTR_L.
    "DDR4": DramType(
        bandwidth=19_200_000_000, banks=16, row_bytes=8192, burst_bytes=64,
        activate_ps=13_320, column_ps=13_320, precharge_ps=13_320, active_ps=32_000, window_ps=21_000,
        recovery_ps=15_000, turn_ps=7_500, refresh_ps=350_000, interval_ps=7_800_000,
    ),
    # JEDEC JESD209-4B, LPDDR4-3200, a channel of 16 bits with 4 Gb: latency 28 clocks of 1600 MHz, tRFCab 180 ns,
    # bursts of 16.
    "LPDDR4": DramType(
        bandwidth=6_400_000_000, banks=8, row_bytes=2048, burst_bytes=32,
        activate_ps=18_000, column_ps=17_500, precharge_ps=18_000, active_ps=42_000, window_ps=40_000,
        recovery_ps=18_000, turn_ps=10_000, refresh_ps=180_000, interval_ps=3_904_000,
    ),
    # JEDEC JESD209-5B, LPDDR5-6400, a channel of 16 bits with 8 Gb: latency 17 clocks of 800 MHz, tRFCab 210 ns, bursts
    # of 16, four groups of four banks taken in turn.
    "LPDDR5": DramType(
        bandwidth=12_800_000_000, banks=16, row_bytes=2048, burst_bytes=32,
        activate_ps=18_000, column_ps=21_250, precharge_ps=18_000, active_ps=42_000, window_ps=20_000,
        recovery_ps=34_000, turn_ps=12_000, refresh_ps=210_000, interval_ps=3_906_000,
    ),
    # JEDEC JESD235A, HBM2 at 2 Gb/s, a pseudo channel of 64 bits: rows of 1 KB, bursts of 4. The standard leaves times
    # to makers: these are gem5's (DRAMInterface.py, HBM_2000_4H_1x64), with the standard's tRFC of 8 Gb and tREFI.
    "HBM2": DramType(
        bandwidth=16_000_000_000, banks=16, row_bytes=1024, burst_bytes=32,
        activate_ps=12_000, column_ps=18_000, precharge_ps=14_000, active_ps=28_000, window_ps=16_000,
        recovery_ps=14_000, turn_ps=9_000, refresh_ps=350_000, interval_ps=3_900_000,
    ),
}  # fmt: skip
"""Types whose banks and rows are known."""
