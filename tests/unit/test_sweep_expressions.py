"""Arithmetic in plans of sweeps: what it comes to, and what it refuses."""

import math

import pytest

from analysis.drive.sweep.expressions import read_constraint, read_expression
from simulator.source import Rejected

COLUMNS = ["macs", "cycles", "area_mm2", "latency_s", "peak_sram_bytes", "buffers.main.capacity"]
ALIASES = {"area": "area_mm2", "latency": "latency_s", "peak_sram": "peak_sram_bytes"}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("macs / cycles", 4.0),
        ("-macs + 2 * (cycles - 1) ** 2", -6.0),
        ("log2(macs) + sqrt(cycles + 1)", 3 + math.sqrt(3)),
        ("max(area, 3, macs) * latency", 4.0),
        ("buffers.main.capacity / 1024", 2.0),
    ],
)
def test_an_expression_is_worked_out_as_python_would(text: str, value: float) -> None:
    columns = {"macs": 8, "cycles": 2, "area_mm2": 1.5, "latency_s": 0.5, "buffers.main.capacity": 2048.0}
    assert read_expression(text, COLUMNS, ALIASES).value(columns) == pytest.approx(value)


@pytest.mark.parametrize("text", ["macs / (cycles - 2)", "log(-macs)", "10.0 ** 400 * macs", "exp(macs * 1e9)", "area"])
def test_what_is_no_number_or_not_known_has_no_value(text: str) -> None:
    assert read_expression(text, COLUMNS, ALIASES).value({"macs": 8.0, "cycles": 2.0}) is None


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("__import__('os').getcwd()", "not arithmetic"),
        ("macs if cycles else 1", "not arithmetic"),
        ("[macs]", "not arithmetic"),
        ("macs @ cycles", "not arithmetic"),
        ("'macs'", "not arithmetic"),
        ("True", "not arithmetic"),
        ("open(macs)", "no such function: open"),
        ("sqrt(macs, cycles)", "no such function"),
        ("macs +", "not an expression"),
        ("mcas / 2", "unknown column mcas"),
        ("macs.__class__", "unknown column macs.__class__"),
        ("(" * 200 + "macs" + ")" * 200, "too long"),
    ],
)
def test_everything_else_is_refused(text: str, told: str) -> None:
    with pytest.raises(Rejected, match=told):
        read_expression(text, COLUMNS, ALIASES)


@pytest.mark.parametrize(
    ("text", "columns", "holds"),
    [
        ("area <= 4 mm2", {"area_mm2": 4.0}, True),
        ("area < 4 mm2", {"area_mm2": 4.0}, False),
        ("latency <= 5 ms", {"latency_s": 0.0051}, False),
        ("peak_sram <= 128 KiB", {"peak_sram_bytes": 131072.0}, True),
        ("macs >= 1.3 M", {"macs": 1.3e6}, True),
        ("macs / cycles > area * 2", {"macs": 9.0, "cycles": 1.0, "area_mm2": 4.0}, True),
        ("area <= 4 mm2", {}, False),
    ],
)
def test_a_constraint_holds_in_the_unit_that_it_names(text: str, columns: dict[str, float], holds: bool) -> None:
    constraint = read_constraint(text, COLUMNS, ALIASES)
    assert constraint.holds(columns) is holds
    assert (constraint.excess(columns) <= 0 or not holds) if text.startswith("area <=") else True


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("area <= 4 ms", "area_mm2 is area, ms is time"),
        ("area <= 4 Kib", "unknown unit Kib"),
        ("area == 4", "not a constraint"),
        ("1 < area < 3", "not a constraint"),
    ],
)
def test_a_constraint_of_another_form_or_unit_is_refused(text: str, told: str) -> None:
    with pytest.raises(Rejected, match=told):
        read_constraint(text, COLUMNS, ALIASES)
