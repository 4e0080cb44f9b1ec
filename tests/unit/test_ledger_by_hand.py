"""Laws of tensors, by hand: where each op reads and what was written there, what stays, what comes from outside."""

from dataclasses import replace

from simulator.network.ir import Op
from simulator.result.laws import broken_laws
from simulator.result.ledger import factors, stored_tensors
from simulator.result.run import KeptTensor, LayerResult, Run, Traffic
from simulator.result.stacked import StackedResult, StackPart
from tests.builders import MACHINE, free_result, run_of


def reading(name: str, inputs: tuple[str, ...], **more: object) -> LayerResult:
    """A layer of 10 bytes of inputs, 4 of weights and 6 of outputs, each crossing the port once."""
    traffic = {"dram": {"inputs": Traffic(10, 0), "weights": Traffic(4, 0), "outputs": Traffic(0, 6)}}
    one = replace(
        free_result(name, Op.CONV), inputs=inputs, traffic=traffic,
        footprint_bytes={"inputs": 10, "weights": 4, "outputs": 6}, output_shape=(1, 1, 2, 3),
    )  # fmt: skip
    return replace(one, **more)  # type: ignore[arg-type]


def free(name: str, op: Op, inputs: tuple[str, ...]) -> LayerResult:
    return replace(free_result(name, op), inputs=inputs, output_shape=(1, 1, 2, 3))


def moving(**sizes: tuple[int, int]) -> dict[str, dict[str, Traffic]]:
    usual = {"inputs": (10, 0), "weights": (4, 0), "outputs": (0, 6)} | sizes
    return {"dram": {name: Traffic(*size) for name, size in usual.items()}}


def ledger(*layers: LayerResult, **machine: object) -> list[tuple[str, str, str]]:
    run = run_of(*layers, machine=replace(MACHINE, levels=("dram", "array", "rf"), **machine))  # type: ignore[arg-type]
    return [(law.where, law.field, law.figures) for law in broken_laws(run)]


MADE = reading("a", ("data",))
STAYS = reading("a", ("data",), on_chip=("outputs",), traffic=moving(outputs=(0, 0)))
FOUND = reading("b", ("a",), on_chip=("inputs",), traffic=moving(inputs=(0, 0)))


def test_a_tensor_is_read_where_it_was_written() -> None:
    assert ledger(MADE, reading("b", ("a",))) == [] == ledger(STAYS, FOUND)
    assert ledger(STAYS, reading("b", ("a",))) == [("b", "on_chip.inputs", "a stays on chip")]
    assert ledger(MADE, FOUND) == [("b", "on_chip.inputs", "a is in DRAM")]
    assert ledger(replace(FOUND, name="a", inputs=("data",))) == [("a", "on_chip.inputs", "data is in DRAM")]


def test_a_tensor_on_chip_costs_no_dram_where_it_is_made_and_read() -> None:
    read = replace(FOUND, traffic=moving(inputs=(1, 0)))
    assert ledger(STAYS, read) == [("b", "traffic.dram.inputs", "1 bytes read")]
    written = replace(STAYS, traffic=moving(outputs=(0, 1)))
    assert ledger(written, FOUND) == [("a", "traffic.dram.outputs", "1 bytes")]
    spilled = replace(STAYS, traffic=moving(outputs=(1, 0)))
    assert ledger(spilled, FOUND) == [("a", "traffic.dram.outputs", "1 bytes")]
    assert ledger(replace(STAYS, traffic={}), replace(FOUND, traffic={}, on_chip=("inputs", "outputs"))) == []


def kept(layer: LayerResult, address: int, until: str, alive: int) -> LayerResult:
    """The layer leaves its 6 bytes of outputs on chip; so many bytes are alive while it runs."""
    return replace(layer, kept=KeptTensor(address, 6, until), alive_bytes=alive)


def test_tensors_that_stay_are_alive_from_the_op_that_makes_them_to_the_last_that_reads_them_each_in_its_place() -> (
    None
):
    """Of `a` and `b`, which stay in 6 bytes each, both are there while `b` runs, and nothing is while `d` does."""
    through = replace(FOUND, on_chip=("inputs", "outputs"), traffic=moving(inputs=(0, 0), outputs=(0, 0)))
    a, b = kept(STAYS, 0, "b", 6), kept(through, 6, "c", 12)
    c, d = replace(FOUND, name="c", inputs=("b",), alive_bytes=6), reading("d", ("c",))
    assert ledger(a, b, c, d, activation_bytes=12) == []
    assert ledger(a, replace(b, alive_bytes=11), c, d, activation_bytes=12) == [("b", "alive_bytes", "11 != 12")]
    assert ledger(a, b, c, replace(d, alive_bytes=1), activation_bytes=12) == [("d", "alive_bytes", "1 != 0")]
    close = kept(through, 5, "c", 12)
    assert ledger(a, close, c, d, activation_bytes=12) == [("a", "kept.address", "0 + 6, b 5")]
    assert ledger(a, kept(through, 7, "c", 12), c, d, activation_bytes=12) == [
        ("b", "kept.address", "13 > 12"), ("c", "kept.address", "13 > 12"),
    ]  # fmt: skip
    nobody = kept(STAYS, 0, "nobody", 0)
    assert ledger(nobody, replace(FOUND, alive_bytes=0), activation_bytes=12) == []


def test_parts_that_a_stack_has_of_an_op_lie_beside_its_tensor_from_the_op_that_they_are_there_for() -> None:
    parts = (StackPart("weights", 6, 2, "a", "a"), StackPart("line", 8, 3, "b", "b"))
    stacked = StackedResult("a", "b", 1, 2, "held", parts, ())
    a, b = replace(kept(STAYS, 0, "b", 6 + 2), stacked=stacked), replace(FOUND, alive_bytes=6 + 3)
    assert ledger(a, b, activation_bytes=11) == []
    assert run_of(a, b).fragmentation_bytes == 8 + 3 - 9
    alone = replace(a, kept=None, alive_bytes=2)
    assert ledger(alone, replace(b, alive_bytes=3), activation_bytes=11) == []
    assert run_of(replace(a, stacked=None)).fragmentation_bytes == 6 - 8
    peaks = [
        (run.total.peak_sram_bytes, run.total.peak_sram_layer) for run in (run_of(a, b, a), run_of(MADE), run_of())
    ]
    assert peaks == [(9, "b"), (0, ""), (0, "")]
    assert run_of().fragmentation_bytes == 0


def test_a_residual_operand_comes_from_dram_though_inputs_stay() -> None:
    fused = replace(FOUND, fused=("sum",), traffic=moving(inputs=(6, 0)))
    one, two = (free("sum", Op.ADD, names) for names in (("b",), ("b", "data")))
    assert ledger(STAYS, fused, two) == []
    assert ledger(STAYS, fused, one) == [("b", "traffic.dram.inputs", "6 bytes read")]


def test_weights_and_constants_of_fused_ops_come_from_dram() -> None:
    filters = replace(free("filters", Op.DEPTHWISE, ("a",)), parameter_bytes=9)
    slopes = replace(free("slopes", Op.ACTIVATION, ("filters",)), parameter_bytes=2)
    group = replace(MADE, fused=("filters", "slopes"))
    short = [("a", "traffic.dram", "24 < 25")]
    assert ledger(group, filters, slopes) == [("a", "traffic.dram", "14 < 25")]
    assert ledger(replace(group, traffic=moving(weights=(14, 0))), filters, slopes) == short
    assert ledger(replace(group, traffic=moving(weights=(15, 0))), filters, slopes) == []
    assert ledger(replace(group, traffic=moving(inputs=(21, 0))), filters, slopes) == []
    assert ledger(replace(group, on_chip=("weights",), traffic=moving(weights=(0, 0))), filters, slopes) == []


def test_constants_of_an_op_come_from_dram_though_its_inputs_stay() -> None:
    slopes = replace(reading("b", ("a",)), op=Op.ACTIVATION, on_chip=("inputs",), footprint_bytes={}, parameter_bytes=2)
    read = {"dram": {"inputs": Traffic(2, 0), "outputs": Traffic(0, 6)}}
    assert ledger(STAYS, replace(slopes, traffic=read)) == []
    less = {"dram": {"inputs": Traffic(1, 0), "outputs": Traffic(0, 6)}}
    assert ledger(STAYS, replace(slopes, traffic=less)) == [("b", "traffic.dram", "1 < 2")]


def test_what_is_in_dram_is_read_and_written_whole() -> None:
    assert ledger(replace(MADE, traffic=moving(inputs=(9, 0)))) == [("a", "traffic.dram.inputs", "9 < 10")]
    assert ledger(replace(MADE, traffic=moving(weights=(3, 0)))) == [("a", "traffic.dram.weights", "3 < 4")]
    assert ledger(replace(MADE, traffic=moving(outputs=(0, 5)))) == [("a", "traffic.dram.outputs", "5 < 6")]
    assert ledger(replace(MADE, traffic={"dram": {}})) == [("a", "traffic.dram.outputs", "0 < 6")]
    few = replace(MADE, traffic=moving(inputs=(9, 0), outputs=(0, 5)))
    assert ledger(few, compressed=("inputs", "outputs")) == []
    assert ledger(replace(MADE, footprint_bytes={})) == []


def test_what_a_fused_pool_leaves_is_what_must_be_written() -> None:
    """Of 2 x 3 outputs a pool leaves 1 x 3: three of six bytes."""
    pool = replace(free_result("pool", Op.POOL), inputs=("a",), output_shape=(1, 1, 1, 3))
    pooled = replace(MADE, fused=("pool",), traffic=moving(outputs=(0, 3)))
    assert ledger(pooled, pool) == []
    less = replace(pooled, traffic=moving(outputs=(0, 2)))
    assert ledger(less, pool) == [("a", "traffic.dram.outputs", "2 < 3")]


def joined() -> Run:
    return run_of(
        replace(MADE, fused=("relu",)),
        free("relu", Op.ACTIVATION, ("a",)),
        reading("b", ("data",)),
        replace(free_result("both", Op.CONCAT, folded=True), inputs=("relu", "b")),
        reading("c", ("both",)),
    )


def test_a_folded_op_holds_what_it_joins_and_a_fused_one_what_its_producer_makes() -> None:
    stored = stored_tensors(joined())
    assert stored == {"a": {"a"}, "relu": {"a"}, "b": {"b"}, "both": {"a", "b"}, "c": {"c"}}
    layers = {layer.name: layer for layer in joined().layers}
    half = replace(layers["a"], on_chip=("outputs",), traffic=moving(outputs=(0, 0)))
    found = ledger(half, *(layers[name] for name in ("relu", "b", "both", "c")))
    assert found == [("c", "on_chip.inputs", "a stays on chip")]
    assert ledger(*layers.values()) == []


def test_a_product_reads_its_second_factor_as_weights() -> None:
    product = reading("c", ("a", "b"), op=Op.MATMUL)
    assert factors(product) == {"inputs": ("a",), "weights": ("b",)}
    assert factors(reading("c", ("a", "b"))) == {"inputs": ("a", "b")}
    other = replace(STAYS, name="b")
    here = replace(product, on_chip=("weights",), traffic=moving(weights=(0, 0)))
    assert ledger(MADE, other, here) == []
    assert ledger(MADE, other, product) == [("c", "on_chip.weights", "b stays on chip")]
    costly = replace(here, traffic=moving(weights=(1, 0)))
    assert ledger(MADE, other, costly) == [("c", "traffic.dram.weights", "1 bytes read")]


def test_a_run_that_does_not_tell_all_that_its_ops_read_has_no_ledger() -> None:
    assert ledger(STAYS, reading("b", ("a",)), replace(free_result("c", Op.CONCAT, folded=True), inputs=())) == []
