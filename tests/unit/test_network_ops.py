"""The table of ops: complete, agreed with by what is built, and all that a new op needs."""

import subprocess
import sys
from pathlib import Path

import pytest

from simulator.network.graph import Graph
from simulator.network.ir import ACROSS_CHANNELS, WITHIN_CHANNEL, Op
from simulator.network.ops import OPS, OpClass, complete, follows
from workloads.load import load_network
from workloads.registry import BUILDERS

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("op", Op)
def test_an_op_without_an_entry_stops_the_import(op: Op):
    with pytest.raises(LookupError, match=f"no entry for {op.name}$"):
        complete({other: entry for other, entry in OPS.items() if other is not op})


@pytest.mark.parametrize("family", BUILDERS)
def test_what_is_built_follows_from_the_shape_rules(family: str):
    layers = load_network(family).layers
    assert [layer.name for layer in layers if not follows(layer) and not layer.constant_elements] == []


def test_only_ops_of_the_vector_unit_have_operations():
    for layer in (layer for family in BUILDERS for layer in load_network(family).layers):
        entry = OPS[layer.op]
        assert (entry.operations(layer) > 0) == (entry.op_class is OpClass.VECTOR)


@pytest.mark.parametrize("names", ["onnx", "caffe"])
def test_an_op_and_its_variant_have_a_name_of_their_own_in_a_format(names: str):
    for entry in OPS.values():
        found = getattr(entry, names)
        assert len(set(found.values())) == len(found)


@pytest.mark.parametrize(
    ("size", "region", "each"),
    [(5, ACROSS_CHANNELS, 5 + 5 + 3), (3, ACROSS_CHANNELS, 3 + 3 + 3), (3, WITHIN_CHANNEL, 9 + 9 + 3)],
)
def test_a_normalisation_costs_a_square_and_a_sum_for_each_element_of_its_window_and_three_more(size, region, each):
    g = Graph("net")
    g.lrn(g.input(16, 7, 7), size, region)
    (layer,) = g.build().layers
    assert OPS[Op.LRN].operations(layer) == 16 * 7 * 7 * each
    assert layer.kernel == (1, 1)


@pytest.mark.parametrize(
    ("network", "layer", "outputs"), [("alexnet", "norm1", 96 * 55**2), ("googlenet", "norm2", 192 * 56**2)]
)
def test_the_normalisations_of_published_networks_cover_five_channels(network: str, layer: str, outputs: int):
    found = next(one for one in load_network(network).layers if one.name == layer)
    assert OPS[found.op].operations(found) == 13 * outputs


USE = """
import sys
from importlib.machinery import SourceFileLoader
from importlib.util import spec_from_file_location
from pathlib import Path

root = Path(sys.argv[1])
sys.path.insert(0, str(root))
CHANGES = {
    '    UNKNOWN = "unknown"': '    SQUARE = "square"\\n    UNKNOWN = "unknown"',
    "        Op.UNKNOWN: ": '        Op.SQUARE: computes(per_output(2), {"": "Det"}, {"": "Square"}), Op.UNKNOWN: ',
}

class Changed(SourceFileLoader):
    def get_code(self, fullname):
        text = Path(self.path).read_text(encoding="utf-8")
        for before, after in CHANGES.items():
            assert text.count(before) == 1
            text = text.replace(before, after)
        return compile(text, self.path, "exec")

class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == "simulator.network.ops":
            file = str(root / "simulator" / "network" / "ops.py")
            return spec_from_file_location(name, file, loader=Changed(name, file))

sys.meta_path.insert(0, Finder())

from analysis.drive.explain.ties import tied
from simulator import load_hardware, load_network, simulate
from workloads.exporters import convert

LAYERS = '''
inputs: {data: [8, 6, 6]}
layers:
  - {name: conv, op: conv, filters: 4}
  - {name: square, op: square}
  - {name: last, op: conv, filters: 6}
  - {name: end, op: square}
'''
Path("net.yaml").write_text(LAYERS)
network = load_network("net.yaml")
print(*(layer.op for layer in network.layers))
print(tied(network, "conv") == {"conv"})
machine = (root / "hw_configs" / "flexible_168.yaml").read_text()
Path("plain.yaml").write_text(machine)
run = simulate("plain.yaml", network)
print(run.layers[1].energy_parts["vector"], run.layers[1].cycle_parts["vector"])
Path("fusing.yaml").write_text(machine.replace("fuses: [", "fuses: [square, "))
print(simulate("fusing.yaml", network).layers[0].fused)
for form in ("csv", "onnx", "yaml"):
    convert(network, form, Path(f"again.{form}"))
    print(load_network(f"again.{form}").layers == network.layers, b"Det" in Path(f"again.{form}").read_bytes())
head = 'input: "data" input_shape { dim: 1 dim: 8 dim: 6 dim: 6 } '
Path("net.prototxt").write_text(head + 'layer { name: "s" type: "Square" bottom: "data" top: "s" }')
print(load_network("net.prototxt").layers[0].op)
"""
EXPECTED = """\
conv square conv square
True
403.2 21
('square',)
True False
True True
True False
square
"""


@pytest.mark.slow
def test_a_new_op_of_the_vector_unit_is_a_name_and_an_entry(tmp_path: Path):
    """A process in which `ops.py`, and no other file, knows one op more: it is read, written, tied, run and fused.

    Two operations for each of 4 x 6 x 6 elements are 288, each at 1.4 pJ, in 21 cycles of 14 lanes.
    """
    pytest.importorskip("onnx")
    done = subprocess.run([sys.executable, "-c", USE, str(ROOT)], cwd=tmp_path, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == (EXPECTED, "")
