"""TPU v6e: measured times of matrix products, from one row of inputs to 32,768."""

from collections.abc import Iterator, Mapping
from statistics import median, quantiles

from analysis.drive.accuracy.anchor import Anchor, Row, absolute_deviations
from analysis.drive.accuracy.bounds import at_most, within
from analysis.drive.accuracy.figures import published
from simulator import simulate
from simulator.hardware.load import load_hardware
from simulator.network.graph import Graph
from simulator.network.ir import Network

MACHINE = "tpu_v6e"


def rows() -> Iterator[Row]:
    """Yield the peak, the time of each product, then how far these are off in all."""
    machine = load_hardware(MACHINE)
    yield Row("peak", 918, 2e-12 * machine.array.pes * machine.clock_hz, within(0.01), "TFLOPS", "roofline")
    times = [product_row(row) for row in published(MACHINE)]
    yield from times
    off = [100 * deviation for deviation in absolute_deviations(times)]
    ninth = quantiles(off, n=10, method="inclusive")[-1]
    yield Row("median deviation", None, median(off), at_most(7), "%", "all", counts=False)
    yield Row("ninetieth percentile", None, ninth, at_most(15), "%", "all", counts=False)


def product_row(row: Mapping[str, str]) -> Row:
    """Compare the time of a product of M x K inputs and K x N weights."""
    m, k, n = (int(row[key]) for key in "MKN")
    time = 1e6 * simulate(MACHINE, product(m, k, n)).total.latency_s
    return Row(f"M = {m}", float(row["latency_us"]), time, within(0.15), "us", f"{k} x {n}")


def product(m: int, k: int, n: int) -> Network:
    """Return a network of one fully connected layer; the rows of inputs are its samples."""
    g = Graph("product")
    g.linear(g.input(k, 1, 1, batch=m), n)
    return g.build()


ANCHOR = Anchor(
    name=MACHINE,
    title="TPU v6e: 72 matrix products in bf16",
    source="device times published with PyTorchSim (github.com/PSAL-POSTECH/PyTorchSim), measured in 2026",
    machines=(MACHINE,),
    rows=rows,
    remarks=(
        "Five parameters are fitted on these rows: the share of the bandwidth that is reached, the DRAM's latency with "
        "the launch of an op, how fast weights shift in, and what sets up a tile. Fitted on half of the weights, "
        "they leave the other half 1.9 to 2.8% off in the median and 5.4 to 6.5% in the ninetieth percentile.",
        "Inputs and weights that fit into 96 MiB, beside the 32 MiB of tiles, come whole before the first product: "
        "this is why small and middle products take their loads, products and stores one after the other. Weights of "
        "5120 x 10240 do not fit, and overlap.",
        "5120 x 10240 at M = 32,768, of which neither operand fits, takes 37% longer than its products alone; the "
        "model finds 21%. Rows of M = 1 may run on the vector unit; here the array takes them.",
    ),
)
