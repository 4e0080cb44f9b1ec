"""A machine whose prices are distinct primes, and how an op on it is compared with a count by hand."""

from pathlib import Path

from simulator import simulate
from simulator.network.ir import Network
from simulator.result.run import LayerResult

MACHINE = """
name: tiny
source: made for counting by hand
clock: 1 GHz
precision_bits: {inputs: 8, weights: 8, outputs: 16}
array:
  rows: ROWS
  columns: 1
  registers_words: {inputs: 1, weights: 1, outputs: 1}
  delivery:
    inputs: {network: unicast, words_per_cycle: 1}
    weights: {network: unicast, words_per_cycle: 1}
    outputs: {network: unicast, words_per_cycle: 1}
buffers:
  - {name: main, holds: [inputs, weights, outputs], capacity: CAPACITY B}
dma: {channels: 1}
dram: {bandwidth: 4 GB/s, latency_cycles: 100, burst: 8 B}
vector: VECTOR
layers: {order: ORDER}
dataflows: [output_stationary_pixels]
energy: primes.yaml
"""
PRICES = """
name: primes
source: made for counting by hand
unit: pJ
mac: 2
gated_mac_fraction: 1
rf: {inputs: {energy: 13, bits: 8}, weights: {energy: 17, bits: 8}, outputs: {energy: 19, bits: 8}}
array: {energy: 23, bits: 8}
buffer: [{capacity: 1 KiB, energy: 5, bits: 8}]
dram: {energy: 11, bits: 8}
vector_op: 3
leakage_per_cycle: 7
"""
OPERATION, BUFFER, DRAM, CYCLE = 3, 5, 11, 7


def run_of(
    folder: Path,
    network: Network,
    capacity: int = 1 << 20,
    order: str = "serial",
    vector: str = "{lanes: 3}",
    rows: int = 1,
) -> LayerResult:
    """Return what the last op of a network costs on the machine."""
    machine = MACHINE.replace("CAPACITY", str(capacity)).replace("ORDER", order)
    machine = machine.replace("VECTOR", vector).replace("ROWS", str(rows))
    (folder / "primes.yaml").write_text(PRICES)
    (folder / "machine.yaml").write_text(machine)
    return simulate(folder / "machine.yaml", network).layers[-1]


def check(
    result: LayerResult,
    *,
    cycles: int,
    dram: tuple[int, int],
    buffer_inputs: tuple[int, int],
    buffer_outputs: tuple[int, int],
    operations: int,
    price: int = OPERATION,
) -> None:
    """Compare with a count: bytes read from and written to DRAM, and read from and written into the buffer."""
    traffic = result.traffic
    assert result.cycles == cycles
    assert (traffic["dram"]["inputs"].read_bytes, traffic["dram"]["outputs"].write_bytes) == dram
    assert (traffic["dram"]["inputs"].write_bytes, traffic["dram"]["outputs"].read_bytes) == (0, 0)
    assert (traffic["buffer"]["inputs"].read_bytes, traffic["buffer"]["inputs"].write_bytes) == buffer_inputs
    assert (traffic["buffer"]["outputs"].read_bytes, traffic["buffer"]["outputs"].write_bytes) == buffer_outputs
    assert set(traffic) == {"dram", "buffer"}
    assert result.energy_parts == {
        "vector": price * operations,
        "buffer.inputs": BUFFER * sum(buffer_inputs),
        "buffer.outputs": BUFFER * sum(buffer_outputs),
        "dram.inputs": DRAM * dram[0],
        "dram.outputs": DRAM * dram[1],
        "leakage": CYCLE * cycles,
    }
    assert result.energy_pj == sum(result.energy_parts.values())
