"""Pictures of a run: their rows, their files, and that they can be drawn from anything."""

import csv
from io import StringIO
from pathlib import Path

import pytest

from analysis.read.layout import csv_text
from analysis.read.plots import PLOTS, bars, cycles, energy, roofline, write_plot, write_plots
from analysis.read.theme import COMPONENT_COLOURS, CYCLE_COLOURS
from simulator.errors import InputError
from simulator.network.ir import Op
from simulator.result.run import CYCLE_PARTS, Run
from tests.builders import MACHINE, conv_result, deep_run, free_result, run_of, small_run, vector_result

SIGNATURES = {"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF"}


def test_every_plot_is_written_with_its_rows(tmp_path: Path) -> None:
    paths = write_plots(small_run(), tmp_path, ("png", "svg", "pdf"))
    assert {path.name for path in paths} == {f"{name}.{kind}" for name in PLOTS for kind in ("csv", *SIGNATURES)}
    for kind, signature in SIGNATURES.items():
        assert (tmp_path / f"roofline.{kind}").read_bytes().startswith(signature)
    assert len((tmp_path / "cycles.csv").read_text().splitlines()) == 1 + 3


@pytest.mark.slow
def test_the_same_run_draws_the_same_bytes(tmp_path: Path) -> None:
    for name in PLOTS:
        first = [path.read_bytes() for path in write_plot(name, small_run(), tmp_path / "a", ("png", "svg", "pdf"))]
        again = [path.read_bytes() for path in write_plot(name, small_run(), tmp_path / "b", ("png", "svg", "pdf"))]
        assert first == again


@pytest.mark.parametrize(
    "run",
    [
        run_of(),
        run_of(conv_result("only")),
        run_of(vector_result("pool")),
        run_of(free_result("concat", Op.CONCAT, folded=True)),
        run_of(conv_result("$a_{b}$ \x1b[0m"), name="$\\frac$"),
    ],
    ids=["nothing", "one layer", "no MACs", "no cycles", "hostile names"],
)
def test_plots_draw_whatever_the_run_holds(run: Run, tmp_path: Path) -> None:
    for path in write_plots(run, str(tmp_path)):
        assert path.is_file()


def test_an_unknown_plot_or_format_is_told_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="roofline"):
        write_plot("rooflin", small_run(), tmp_path)
    with pytest.raises(InputError, match="png, svg, pdf"):
        write_plot("cycles", small_run(), tmp_path, ("gif",))
    assert not list(tmp_path.glob("*.gif"))


def test_cycle_rows_add_up_to_each_layers_cycles() -> None:
    rows = cycles.rows(deep_run(12))
    assert all(sum(int(row[part]) for part in CYCLE_PARTS) == row["cycles"] for row in rows)
    assert sum(int(row["cycles"]) for row in rows) == deep_run(12).total.cycles


def test_energy_rows_add_up_and_every_part_has_a_component_and_an_operand() -> None:
    run = deep_run(12)
    for row in energy.rows(run):
        assert sum(float(row[part]) for part in run.total.energy_parts) == pytest.approx(row["energy_pj"])
    assert {energy.component_of(part) for part in run.total.energy_parts} <= set(COMPONENT_COLOURS)
    operands = {energy.operand_of(part) for part in run.total.energy_parts}
    assert operands == {"inputs", "weights", "outputs", "computing", "leakage"}


def test_no_layer_lies_above_the_dram_roof() -> None:
    rows = [row for row in roofline.rows(deep_run(12)) if row["level"] == "dram"]
    assert len(rows) == 12
    assert all(float(row["macs_per_cycle"]) <= float(row["attainable_macs_per_cycle"]) * 1.001 for row in rows)


def test_the_roof_bends_where_the_port_feeds_the_array() -> None:
    run, level = small_run(), roofline.Level("dram", MACHINE.dram_bytes_per_cycle)
    ridge = MACHINE.pes / MACHINE.dram_bytes_per_cycle
    assert roofline.attainable(ridge, level, run) == MACHINE.pes
    assert roofline.attainable(ridge / 2, level, run) == MACHINE.pes / 2
    assert roofline.attainable(ridge * 2, level, run) == MACHINE.pes


def test_every_cycle_part_has_its_own_colour() -> None:
    assert set(CYCLE_COLOURS) == set(CYCLE_PARTS)
    assert len(set(CYCLE_COLOURS.values())) == len(CYCLE_PARTS)


def test_rows_read_back_from_csv() -> None:
    rows = roofline.rows(deep_run(5))
    read = list(csv.DictReader(StringIO(csv_text(rows))))
    assert [int(row["cycles"]) for row in read] == [row["cycles"] for row in rows]
    assert [float(row["macs_per_byte"]) for row in read] == [row["macs_per_byte"] for row in rows]


def test_a_bar_that_towers_over_all_others_is_shrunk_in_proportion_and_bears_its_height() -> None:
    from matplotlib.figure import Figure

    axes = Figure().subplots()
    series = {"below": [900.0, *[9.0] * 30], "above": [100.0, *[1.0] * 30]}
    bars.stacked_bars(axes, series, {"below": "red", "above": "blue"})
    below, above = (series.get_paths()[0].get_extents().height for series in axes.collections)
    assert below + above == pytest.approx(axes.get_ylim()[1]) == pytest.approx(12)
    assert below / above == pytest.approx(9)
    assert "1K" in [text.get_text() for text in axes.texts]
