"""import(export(n)) = n, for every format, for drawn networks and for the bundled ones."""

from math import prod
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given

from simulator.errors import InputError
from simulator.network.ir import MAC_OPS, Layer, Network, Op
from simulator.network.ops import OPS, OpClass
from tests.drawn_networks import nests, networks
from tests.marks import one_in
from workloads.exporters import SUFFIXES, convert
from workloads.load import load_network
from workloads.registry import BUILDERS

WHOLE = ("csv", "onnx", "yaml")


def there_and_back(network: Network, form: str) -> Network:
    if form in ("onnx", "tflite"):
        pytest.importorskip(form)
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"net{SUFFIXES[form]}"
        convert(network, form, path)
        return load_network(str(path))


@pytest.mark.parametrize("form", WHOLE)
@given(network=networks())
def test_a_network_that_was_written_is_read_as_it_was(form: str, network: Network):
    assert there_and_back(network, form) == network


def test_a_pool_keeps_its_ceil_mode_where_its_reader_makes_it_an_op_of_our_own():
    # Between a pool and a reshape that ONNX cannot say, both are written in our own domain.
    pool = Layer("pool", Op.POOL, ("data",), ((1, 2, 1, 3),), (1, 2, 1, 3), variant="max", ceil=True)
    move = Layer("move", Op.RESHAPE, ("pool",), ((1, 2, 1, 3),), (1, 1, 3, 2))
    network = Network("net", {"data": (1, 2, 1, 3)}, (pool, move), ("move",))
    assert there_and_back(network, "onnx") == network


def of_branches(count: int, letters: int) -> Network:
    """A network of `count` convolutions on its input, all of them outputs; `letters` more than none join them all."""
    names = [f"{index:04}".ljust(letters or 20, "x") for index in range(count)]
    shape = (1, 1, 2, 2)
    convs = [Layer(name, Op.ACTIVATION, ("data",), (shape,), shape, variant="relu") for name in names]
    joined = Layer("all", Op.CONCAT, tuple(names), (shape,) * count, (1, count, 2, 2))
    return Network(
        "net", {"data": shape}, (*convs, joined) if letters else tuple(convs), ("all",) if letters else tuple(names)
    )


def test_csv_names_as_many_outputs_as_there_are():
    network = of_branches(6000, letters=0)  # 126,000 characters in one cell
    assert there_and_back(network, "csv").outputs == network.outputs


def test_csv_that_its_reader_would_refuse_is_not_written():
    assert there_and_back(of_branches(190, letters=500), "csv").layers[-1].input_shapes[189:] == ((1, 1, 2, 2),)
    with pytest.raises(InputError, match="CSV cannot hold this list of names"):
        there_and_back(of_branches(210, letters=500), "csv")


@given(network=networks().filter(nests))
def test_timeloop_problems_hold_the_loop_nests(network: Network):
    assert nests(there_and_back(network, "timeloop")) == nests(network)


@given(network=networks().filter(nests))
def test_a_topology_holds_the_macs(network: Network):
    assert there_and_back(network, "scalesim").macs == network.macs


def moves_nothing(layer: Layer) -> bool:
    """Whether a reader may leave a layer out: a reshape, or what changes no shape and computes nothing."""
    still = OPS[layer.op].op_class is OpClass.MOVE or layer.op is Op.UPSAMPLE
    return layer.op is Op.RESHAPE or (still and layer.output_shape == layer.input_shapes[0])


@given(network=networks().filter(lambda network: not all(map(moves_nothing, network.layers))))
def test_a_tflite_model_holds_what_it_does_not_refuse(network: Network):
    try:
        found = there_and_back(network, "tflite")
    except InputError as error:
        assert all("TFLite has no" in problem.message for problem in error.problems)
        return
    assert (found.macs, found.params, found.inputs) == (network.macs, network.params, network.inputs)
    made = {layer.name: (layer.macs, layer.params, prod(layer.output_shape)) for layer in found.layers}
    summed = {name for layer in network.layers if layer.op is Op.COL2IM for name in (layer.name, *layer.inputs)}
    windowed = {name for layer in network.layers if layer.op in (*MAC_OPS, Op.POOL) for name in layer.inputs}
    wanted = {
        layer.name.strip("/"): (layer.macs, layer.params, prod(layer.output_shape))
        for layer in network.layers
        if not moves_nothing(layer) and layer.name not in summed and not layer.variant.startswith(("norm", "hard"))
        if layer.op is not Op.PAD or layer.name not in windowed
    }  # norms join the norm before them, paddings the window behind; TFLite has one op for what adds up products, and
    # several for a hard activation, of which those that read it may become part
    assert made.items() >= wanted.items()


@pytest.mark.parametrize(
    "family", one_in(2, sorted(BUILDERS.keys() - {"efficientformer"}))
)  # a mean of two is no op there
def test_a_tflite_model_of_a_bundled_network_holds_its_layers(family: str):
    network = load_network(family)
    found = there_and_back(network, "tflite")
    assert (found.macs, found.params) == (network.macs, network.params)
    layers = {layer.name: (layer.op, layer.macs, layer.params) for layer in found.layers}
    moved = {layer.name for layer in network.layers if layer.op is Op.RESHAPE}  # or looked through
    wanted = {layer.name: (layer.op, layer.macs, layer.params) for layer in network.layers}
    assert {name: work for name, work in wanted.items() if work != layers.get(name)}.keys() <= moved


@given(network=networks().filter(lambda network: not all(map(moves_nothing, network.layers))))
def test_a_prototxt_holds_what_it_does_not_refuse(network: Network):
    try:
        found = there_and_back(network, "prototxt")
    except InputError as error:
        assert all("Caffe has no" in problem.message for problem in error.problems)
        return
    shapes = {layer.name: made_by(layer) for layer in found.layers}
    assert (found.macs, found.params, found.inputs) == (network.macs, network.params, network.inputs)
    wanted = {layer.name: made_by(layer) for layer in network.layers if not moves_nothing(layer)}
    assert shapes.items() >= wanted.items()


def made_by(layer: Layer) -> object:
    """The shape of what a layer makes; of ops by element and slices, which may move behind a reshape, their number."""
    by_element = layer.op in (Op.ACTIVATION, Op.ADD, Op.MUL, Op.SPLIT)
    return prod(layer.output_shape) if by_element else layer.output_shape


@pytest.mark.parametrize("form", WHOLE)
@pytest.mark.parametrize("family", one_in(2, list(BUILDERS)))
def test_a_bundled_network_that_was_written_is_read_as_it_was(form: str, family: str):
    network = load_network(family)
    assert there_and_back(network, form) == network


@pytest.mark.parametrize("form", WHOLE)
def test_a_network_at_a_condensing_stage_keeps_its_shares_of_zeros(form: str):
    network = load_network("condensenet:stage=3")
    assert there_and_back(network, form) == network


@pytest.mark.parametrize("family", one_in(2, list(BUILDERS)))
def test_timeloop_problems_of_a_bundled_network_hold_its_loop_nests(family: str):
    network = load_network(family)
    assert nests(there_and_back(network, "timeloop")) == nests(network)
