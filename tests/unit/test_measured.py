"""How measured figures are read and explained."""

from pathlib import Path

import pytest

from analysis.drive.measured import compare_measured, read_measurements
from analysis.drive.measured.comparison import Pair
from analysis.drive.measured.explanation import explain, explained, parts_of, worst
from analysis.drive.measured.measurements import column_of
from analysis.drive.measured.picture import MOST, draw, rows
from simulator import load_hardware, load_network


def pairs_of(folder: Path, *lines: str, network: str = "squeezenet:version=1.1") -> tuple[Pair, ...]:
    file = folder / "rows.csv"
    file.write_text("\n".join(lines) + "\n")
    return compare_measured(load_hardware("squeezenext_16x16"), read_measurements(file, network))


@pytest.mark.parametrize(
    ("title", "column"),
    [
        ("Network", "network"),
        ("time [ms]", ("time", "ms")),
        ("time_us", ("time", "us")),
        ("Time (µs)", ("time", "us")),
        ("cycles", ("time", "cycles")),
        ("bytes", ("bytes", "B")),
        ("bytes_mib", ("bytes", "MiB")),
        ("energy mJ", ("energy", "mJ")),
        ("latency_us", ("time", "us")),
        ("dram [MB]", ("bytes", "MB")),
        ("energy", None),
        ("power [W]", None),
        ("", None),
    ],
)
def test_a_header_names_a_quantity_and_its_unit(title: str, column: object) -> None:
    assert column_of(title) == column


def test_parts_add_up_to_ours(tmp_path: Path) -> None:
    pairs = pairs_of(tmp_path, "layer,time_us,bytes [kB],energy [uJ]", "conv1,100,800,90", ",900,9000,9000")
    assert {pair.measured.quantity.name for pair in pairs} == {"time", "bytes", "energy"}
    for pair in pairs:
        assert sum(parts_of(pair).values()) == pytest.approx(pair.ours)


def test_a_time_below_what_a_resource_needs_is_said_to_be(tmp_path: Path) -> None:
    below, above = pairs_of(tmp_path, "layer,cycles", "conv1,10", "fire2/squeeze1x1,100000000")
    assert "More than was measured takes, alone" in explain(below)
    assert "More than was measured" not in explain(above)


def test_bytes_below_those_of_the_tensors_are_said_to_be(tmp_path: Path) -> None:
    below, above = pairs_of(tmp_path, "layer,bytes", "conv1,10", "fire2/squeeze1x1,100000000")
    assert "some stay on chip, or are compressed" in explain(below)
    assert "in all" not in explain(above)


def test_the_figures_furthest_off_come_first_and_exact_ones_not_at_all(tmp_path: Path) -> None:
    (exact,) = pairs_of(tmp_path, "layer,cycles", "conv1,1")
    lines = (f"conv1,{exact.ours}", "fire2/squeeze1x1,1", "fire2/expand1x1,2")
    found = worst(pairs_of(tmp_path, "layer,cycles", *lines))
    assert {pair.measured.layer for pair in found} == {"fire2/squeeze1x1", "fire2/expand1x1"}
    assert abs(found[0].deviation) >= abs(found[1].deviation)


def test_times_are_judged_by_what_bounds_their_layers(tmp_path: Path) -> None:
    names = [layer.name for layer in load_network("squeezenet:version=1.1").layers if layer.macs]
    said = explained(pairs_of(tmp_path, "layer,cycles", *(f"{name},1000" for name in names)))
    counts = [int(line.split()[0]) for line in said if "of layers bound by" in line]
    assert sum(counts) in (len(names), len(names) - 1)  # a cause that bounds one layer alone has no median


def test_the_picture_shows_what_is_furthest_off_where_there_are_many(tmp_path: Path) -> None:
    names = [layer.name for layer in load_network("squeezenext").layers if layer.macs]
    pairs = pairs_of(tmp_path, "layer,time_us", *(f"{name},10" for name in names), ",1500", network="squeezenext")
    assert len(rows(pairs)) == len(names) + 1 > MOST
    (axes,) = draw(pairs).axes
    assert f"the {MOST} of {len(names) + 1} furthest off" in axes.get_title(loc="left") + axes.get_title()
    assert len(axes.get_yticks()) == MOST
