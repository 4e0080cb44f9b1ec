"""The table of ops and its summary, in rows, text, colour and CSV."""

import csv
from dataclasses import replace
from io import StringIO

import pytest

from analysis.read import units
from analysis.read.layout import csv_text, elide, fit, printable
from analysis.read.objective import component_of, energy_by, operand_of
from analysis.read.printing import plain_report, print_report
from analysis.read.summary import cycles_by_bottleneck, shares, summary_lines
from analysis.read.tables import COLUMNS, op_rows, total_row
from simulator.network.ir import Op
from simulator.result.rows import kernel_text, shape_text
from simulator.result.run import Run
from tests.builders import MACHINE, conv_result, deep_run, free_result, run_of, small_run


def on_terminal(run: Run, width: int) -> list[str]:
    from rich.console import Console

    stream = StringIO()
    print_report(run, Console(file=stream, width=width, force_terminal=True, color_system="truecolor"))
    return stream.getvalue().splitlines()


def bare(line: str) -> str:
    from rich.text import Text

    return Text.from_ansi(line).plain.rstrip()


def test_every_op_has_a_row_but_activations_that_cost_nothing() -> None:
    assert [row.layer for row in op_rows(small_run())] == ["conv1", "pool1", "block1/squeeze", "block1/concat"]
    assert "conv1_relu" in [row.layer for row in op_rows(small_run(), free_activations=True)]


def test_other_fused_ops_keep_their_row_and_say_so() -> None:
    run = run_of(conv_result("conv1", fused=("add1",)), free_result("add1", Op.ADD))
    assert [(row.layer, row.bound_by) for row in op_rows(run)] == [("conv1", "compute"), ("add1", "fused")]


def test_rows_sum_to_the_total() -> None:
    run = deep_run(12)
    rows, total = op_rows(run), total_row(run)
    assert sum(row.cycles for row in rows) == total.cycles
    assert sum(row.macs for row in rows) == total.macs
    assert sum(row.dram_bytes for row in rows) == total.dram_bytes
    assert sum(row.share for row in rows) == pytest.approx(1)


def test_shapes_and_kernels_are_written_without_what_is_plain() -> None:
    layer = conv_result("conv")
    assert shape_text((2, 64, 56, 28)) == "2x64x56x28"
    assert kernel_text(replace(layer, kernel=(1, 3), stride=(2, 2))) == "1x3/2"
    assert kernel_text(replace(layer, stride=(2, 1), groups=4)) == "3x3/2x1g4"
    assert kernel_text(replace(layer, op=Op.DEPTHWISE, groups=16)) == "3x3"
    assert kernel_text(replace(layer, op=Op.LINEAR)) == ""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (units.count(999_499), "999K"),
        (units.count(999_500), "1.00M"),
        (units.count(277_999_808, digits=4), "278.0M"),
        (units.count(1e30), "1000000000000000P"),
        (units.size(1023), "1023B"),
        (units.size(1024**2), "1MiB"),
        (units.energy(999.9), "1.00nJ"),
        (units.seconds(3600), "3600s"),
        (units.percent(1.4), "140.0%"),
    ],
)
def test_quantities_read_in_few_digits(text: str, expected: str) -> None:
    assert text == expected


@pytest.mark.parametrize("width", [40, 80, 100, 140])
def test_the_table_fits_the_terminal(width: int) -> None:
    lines = [bare(line) for line in on_terminal(deep_run(150), width)]
    assert max(len(line) for line in lines) <= width
    header = lines[0].split()
    assert header[:2] == ["layer", "op"] or width == 40
    assert "cycles" in header
    assert sum("/conv" in line for line in lines) == 150


def test_a_narrow_terminal_loses_the_columns_of_least_rank_first() -> None:
    rows = op_rows(deep_run(8))
    at_80 = {column.title for column in fit(rows, COLUMNS, 80).columns}
    at_140 = {column.title for column in fit(rows, COLUMNS, 140).columns}
    assert {"layer", "op", "dataflow", "cycles", "share", "util", "bound by"} <= at_80
    assert at_80 < at_140 == {column.title for column in COLUMNS}


def test_dataflows_are_shortened_before_columns_go_and_the_summary_spells_them() -> None:
    run = deep_run(8)
    assert "WS" in "\n".join(bare(line) for line in on_terminal(run, 100))
    assert "weight_stationary (WS)" in dict(summary_lines(run))["dataflows"]


def test_the_terminal_is_coloured_and_piped_text_is_not() -> None:
    assert any("\x1b[" in line for line in on_terminal(small_run(), 80))
    assert "\x1b" not in plain_report(small_run())


def test_piped_text_is_aligned_and_has_no_blank_within_a_cell() -> None:
    table = plain_report(deep_run(8)).split("\n\n")[0].splitlines()
    header = table[0].replace("bound by", "bound_by").split()
    assert all(len(line.split()) == len(header) for line in table[1:])
    assert len({len(line[: line.index("/conv")]) for line in table if "/conv" in line}) == 1
    assert table[-1].split()[0] == "total"


def test_the_summary_tells_latency_energy_and_what_bounds_the_network() -> None:
    run = small_run()
    summary = dict(summary_lines(run))
    assert summary["run"] == "toy_net on toy_16x16, batch 1, best dataflow for cycles"
    assert summary["latency"] == f"{units.seconds(run.total.latency_s)}: {run.total.cycles:,} cycles at 1 GHz"
    assert summary["bound by"].startswith("compute 89.3% (8.1% preload), dram 10.7% (2.2% vector, 1.1% compute")
    assert summary["not shown"] == "1 activation at no cost, fused or folded"
    assert "folded" not in summary["ops"]


def test_relative_energies_stand_beside_joules() -> None:
    run = run_of(conv_result("conv1"), machine=replace(MACHINE, energy_unit="MAC", energy_unit_pj=2.0))
    joules, relative = run.total.energy_pj, run.total.energy_pj / 2
    text = dict(summary_lines(run))["energy"].split(":")[0]
    assert text == f"{units.energy(joules)}, {units.count(relative)} times that of a MAC"


def test_the_summary_tells_watts_and_inferences_of_the_whole_batch() -> None:
    run = replace(run_of(conv_result("conv1")), options={"batch": 4})
    watts = run.total.energy_pj / 1e12 / run.total.latency_s
    text = dict(summary_lines(run))["power"]
    assert text.startswith(f"{units.power(watts)}, ")
    rate, each = units.count(4e12 / run.total.energy_pj), units.energy(run.total.energy_pj / 4)
    assert text.endswith(f" {rate} frames/J, {each} a frame")


def test_shares_are_sorted_and_sum_to_one() -> None:
    run = deep_run(12)
    for parts in (run.total.cycle_parts, cycles_by_bottleneck(run), energy_by(component_of, run.total.energy_parts)):
        found = shares(parts)
        assert sum(share.fraction for share in found) == pytest.approx(1)
        assert [share.value for share in found] == sorted((share.value for share in found), reverse=True)
    assert shares({"a": 0.0}) == []


def test_energy_by_component_and_by_operand_partition_the_total() -> None:
    run = deep_run(12)
    parts = run.total.energy_parts
    for group_of in (component_of, operand_of):
        assert sum(energy_by(group_of, parts).values()) == pytest.approx(run.total.energy_pj)
    still = sum(value for part, value in parts.items() if "." not in part)
    assert energy_by(operand_of, parts)["computing"] + parts.get("leakage", 0.0) == pytest.approx(still)


def test_an_empty_run_and_a_run_of_nothing_but_folded_layers_print() -> None:
    for run in (run_of(), run_of(free_result("concat", Op.CONCAT, folded=True))):
        assert "total" in plain_report(run)
        assert on_terminal(run, 80)


def test_csv_holds_raw_integers_for_every_layer_and_sums_to_the_totals() -> None:
    run = deep_run(12)
    rows = list(csv.DictReader(StringIO(csv_text(run.to_rows()))))
    assert len(rows) == len(run.layers)
    assert sum(int(row["cycles"]) for row in rows) == run.total.cycles
    assert sum(int(row["cycles_dram"]) for row in rows) == run.total.cycle_parts["dram"]
    read = sum(int(row[f"dram_{operand}_read_bytes"]) for row in rows for operand in ("inputs", "weights", "outputs"))
    assert read + sum(int(row["dram_outputs_write_bytes"]) for row in rows) == run.total.dram_bytes
    assert sum(float(row["energy_pj"]) for row in rows) == pytest.approx(run.total.energy_pj)


def test_csv_names_the_layer_that_carries_a_fused_one() -> None:
    rows = {row["layer"]: row for row in small_run().to_rows()}
    assert (rows["conv1_relu"]["producer"], rows["conv1_relu"]["bound_by"]) == ("conv1", "fused")
    assert rows["block1/concat"]["bound_by"] == "folded"


def test_names_from_files_cannot_steer_the_terminal() -> None:
    run = run_of(conv_result("\x1b[2Jconv[red]\n"))
    assert printable("\x1b[2J\n") == "\\u001b[2J\\u000a"
    shown = "\\u001b[2Jconv[red]\\u000a"
    assert shown in plain_report(run)
    assert any(shown in bare(line) for line in on_terminal(run, 160))


def test_long_names_lose_their_middle() -> None:
    assert elide("stage1/block2/conv3", 12) == "stage..conv3"
    assert len(elide("x" * 99, 20)) == 20
