"""Depthwise convolution on systolic arrays, output stationary, memory ignored (FuSeConv, DATE 2021)."""

from collections.abc import Iterator

from analysis.drive.accuracy.anchor import Anchor, Missing, Row
from analysis.drive.accuracy.bounds import at_least, at_most, between, within
from analysis.drive.accuracy.figures import published
from analysis.drive.accuracy.machines import resized
from simulator import simulate
from simulator.hardware.vary import vary
from simulator.network.ir import Op
from simulator.result.run import Run

MACHINE, DATAFLOW = "scalesim_32x32", "output_stationary_lowered"
MOBILE = ("mnasnet", "mobilenet_v1", "mobilenet_v2", "mobilenet_v3:size=large", "mobilenet_v3:size=small")
FAST, SLOW = "mobilenet_v2", "resnet:depth=50"
SHARE, SPEED = "depthwise on 64x64", f"{FAST} against {SLOW} on 32x32"


def rows() -> Iterator[Row]:
    """Yield the share of depthwise layers in mobile networks, and what fewer MACs gain against ResNet-50."""
    figures = {row["quantity"]: float(row["value"]) for row in published("fuseconv")}
    share = between(figures["least share of depthwise"], figures["most share of depthwise"])
    for network in MOBILE:
        run = run_of(network, 64)
        depthwise = [layer for layer in run.layers if layer.op is Op.DEPTHWISE]
        of_time = sum(layer.cycles for layer in depthwise) / run.total.cycles
        of_macs = sum(layer.macs for layer in depthwise) / run.total.macs
        yield Row(f"{network}: share of time", None, 100 * of_time, share, "%", SHARE)
        yield Row(f"{network}: share of time / share of MACs", None, of_time / of_macs, at_least(1.0), "", SHARE)
    fast, slow = (run_of(network, 32) for network in (FAST, SLOW))
    speed_up, macs = slow.total.cycles / fast.total.cycles, slow.total.macs / fast.total.macs
    yield Row("ratio of MACs", figures["ratio of MACs"], macs, within(0.1), "", SPEED)
    yield Row("speed-up", figures["speed-up"], speed_up, within(0.15), "", SPEED)
    yield Row("speed-up / ratio of MACs", None, speed_up / macs, at_most(0.2), "", SPEED)


def run_of(network: str, size: int) -> Run:
    """Simulate a network on a square array in which a pass fills and drains the rows and columns in use."""
    machine = vary(resized(MACHINE, size, size), {"array.skew_over": "used"})
    return simulate(machine, network, dataflow=DATAFLOW)


ANCHOR = Anchor(
    name="fuseconv",
    title="Depthwise convolution on systolic arrays",
    source='Selvam, Ganesan and Kumar, "FuSeConv", DATE 2021',
    machines=(MACHINE,),
    rows=rows,
    machines_are="systolic (Gemmini, TPU)",
    missing=(
        Missing(
            "A depthwise channel fills one column of the array. At most 50% does not go with the paper's own speed-up "
            "of 1.3, which ours is near: MobileNet-V2 is so slow on 32x32 only if depthwise layers take four fifths of "
            "its time, and on 64x64 no less.",
            tuple(f"{SHARE}: {network}: share of time" for network in MOBILE),
        ),
    ),
    remarks=(
        "The array is SCALE-Sim's but for one thing: a pass fills and drains the rows and columns in use "
        "(`skew_over: used`), of which a depthwise layer has one. The paper does not say so: fitted on 1 row, the "
        "speed-up. Over the whole array MobileNet-V2 would be slower than ResNet-50.",
    ),
)
