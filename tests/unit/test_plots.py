"""Pictures of a run: their rows, their files, and that they can be drawn from anything."""

import csv
from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
from matplotlib.text import Text

from analysis.read.layout import csv_text
from analysis.read.plots import PLOTS, bars, cycles, energy, mapping_picture, roofline, write_plot, write_plots
from analysis.read.theme import COMPONENT_COLOURS, CYCLE_COLOURS, themed
from simulator.errors import InputError
from simulator.network.ir import Op
from simulator.result.run import CYCLE_PARTS, Run
from tests.builders import MACHINE, conv_result, deep_run, free_result, run_of, small_run, vector_result

SIGNATURES = {"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF"}


def test_every_plot_is_written_with_its_rows(tmp_path: Path) -> None:
    paths = [*write_plots(small_run(), tmp_path), *write_plot("roofline", small_run(), tmp_path, tuple(SIGNATURES))]
    written = {f"{name}.{kind}" for name in PLOTS for kind in ("csv", "png")}
    assert {path.name for path in paths} == written | {f"roofline.{kind}" for kind in SIGNATURES}
    for kind, signature in SIGNATURES.items():
        assert (tmp_path / f"roofline.{kind}").read_bytes().startswith(signature)
    assert len((tmp_path / "cycles.csv").read_text().splitlines()) == 1 + 3


@pytest.mark.parametrize("name", ["cycles", *(pytest.param(n, marks=pytest.mark.slow) for n in PLOTS if n != "cycles")])
def test_the_same_run_draws_the_same_bytes(name: str, tmp_path: Path) -> None:
    first = [path.read_bytes() for path in write_plot(name, small_run(), tmp_path / "a", ("png", "svg", "pdf"))]
    again = [path.read_bytes() for path in write_plot(name, small_run(), tmp_path / "b", ("png", "svg", "pdf"))]
    assert first == again


@pytest.mark.parametrize(
    "run",
    [
        pytest.param(run_of(), id="nothing"),
        pytest.param(run_of(conv_result("only")), id="one layer", marks=pytest.mark.slow),
        pytest.param(run_of(vector_result("pool")), id="no MACs", marks=pytest.mark.slow),
        pytest.param(run_of(free_result("concat", Op.CONCAT, folded=True)), id="no cycles"),
        pytest.param(run_of(conv_result("$a_{b}$ \x1b[0m"), name="$\\frac$"), id="hostile names"),
    ],
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


def test_a_bar_that_towers_over_all_others_is_cut_to_scale_and_bears_its_height() -> None:
    from matplotlib.figure import Figure

    axes = Figure().subplots()
    series = {"below": [900.0, *[9.0] * 30], "above": [100.0, *[1.0] * 30]}
    bars.stacked_bars(axes, series, {"below": "red", "above": "blue"})
    below, above = (series.get_paths()[0].get_extents() for series in axes.collections)
    assert (below.y0, below.y1) == (0, 11)  # to scale as far as it is shown
    assert above.height == 0
    assert axes.get_ylim()[1] > 11
    assert "1K" in [text.get_text() for text in axes.texts]


def test_the_parts_of_a_bar_below_the_cut_can_be_read_off_the_axis() -> None:
    from matplotlib.figure import Figure

    axes = Figure().subplots()
    bars.stacked_bars(axes, {"small": [4.0, *[1.0] * 30], "large": [996.0, *[9.0] * 30]}, {"small": "r", "large": "b"})
    small = axes.collections[0].get_paths()[0].get_extents()
    assert small.height == 4


def test_the_labels_of_the_largest_bars_are_kept() -> None:
    layers = [conv_result(f"layer_{number}", waiting=200_000 * (number == 77)) for number in range(150)]
    axes = cycles.draw(run_of(*layers)).axes[0]
    names = [label.get_text() for label in axes.get_xticklabels()]
    assert "layer_77" in names
    assert len(names) < 150


@pytest.mark.parametrize(("size", "width"), [("column", 3.5), ("page", 7.0), ("screen", 7.0)])
def test_a_picture_is_as_wide_as_its_size_says(size: str, width: float) -> None:
    with themed(size):
        assert [PLOTS[name].draw(small_run()).get_size_inches()[0] for name in PLOTS] == [width] * len(PLOTS)


def test_an_unknown_size_is_told_with_the_nearest_one(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="did you mean"):
        write_plot("cycles", small_run(), tmp_path, size="colum")


def test_a_title_names_network_variant_machine_batch_and_objective() -> None:
    run = replace(run_of(conv_result("conv"), name="resnet"), options={"batch": 4, "objective": "energy"})
    texts = [text.get_text() for text in cycles.draw(run).findobj(Text)]
    assert any("resnet on" in text for text in texts)
    assert "depth 50, variant v1; batch 4; mapped for energy" in texts


def test_the_picture_of_a_mapping_is_of_one_layer_and_an_unknown_one_is_told(tmp_path: Path) -> None:
    run = run_of(replace(conv_result("a/b"), mapping={"rows": ["K3", "R2"], "columns": ["P4"]}, mapped_pes=24))
    picture = mapping_picture(run, "a/b")
    assert picture.name == "mapping_a_b"
    assert [(row["working_rows"], row["working_columns"], row["rows"]) for row in picture.rows] == [(6, 4, "K3 x R2")]
    with pytest.raises(InputError, match="no mapping of this name"):
        mapping_picture(run, "a")


def test_every_memory_with_a_port_and_the_networks_have_a_roofline() -> None:
    run = small_run()
    joined = replace(run.hardware, network_bytes_per_cycle={"inputs": 32.0, "weights": 32.0, "outputs": 64.0})
    assert [level.name for level in roofline.levels_of(run)] == ["dram", "buffer"]
    assert [level.name for level in roofline.levels_of(replace(run, hardware=joined))] == ["dram", "buffer", "networks"]
