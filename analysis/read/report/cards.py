"""The figures at the head of a page: what a run is asked first."""

from collections.abc import Iterator

from analysis.read import units
from simulator.result.run import Run

Card = dict[str, str]


def cards(run: Run, *, steady: bool) -> list[Card]:
    """Return label, text and a note of each figure that the run knows; with `steady`, of frames in a row, too."""
    return [{"label": label, "text": text, "note": note} for label, text, note in _figures(run, steady)]


def images_of(run: Run) -> int:
    """Return how many inferences a run makes."""
    batch = run.options.get("batch")
    return batch if isinstance(batch, int) else 1


def _figures(run: Run, steady: bool) -> Iterator[tuple[str, str, str]]:
    total, machine, images = run.total, run.hardware, images_of(run)
    yield "Latency", units.seconds(total.latency_s), f"{total.cycles:,} cycles at {units.clock(machine.clock_hz)}"
    if total.latency_s:
        rate = f"{units.count(images / total.latency_s)}/s"
        yield "Frames", rate, f"batch of {images}, {units.count(total.macs / total.latency_s)} MACs/s"
        if steady:
            dram = run.steady.dram_bytes if run.steady else total.dram_bytes
            rate = f"{units.count(run.steady_frames_per_s)}/s"
            yield "Steady state", rate, f"one behind the other, DRAM {units.size(dram)} a batch"
    if total.energy_pj:
        note = f"{units.count(images / total.joules)} inferences/J, {units.power(total.watts)}"
        yield "Energy", units.energy(total.energy_pj), note
    yield "Utilization", units.percent(total.utilization), f"of {machine.pes:,} PEs"
    bandwidth = f"{total.dram_bytes / total.latency_s / 1e9:.3g} GB/s on average" if total.latency_s else ""
    yield "DRAM traffic", units.size(total.dram_bytes), bandwidth
    if total.peak_sram_bytes:
        note = f"of {units.size(machine.activation_bytes)}, in {total.peak_sram_layer}"
        yield "Peak SRAM", units.size(total.peak_sram_bytes), note
    if machine.area_mm2 is not None:
        yield "Area", units.area(machine.area_mm2), f"at most {units.power(machine.peak_watts)} without DRAM"
