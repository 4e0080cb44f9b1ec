"""import(export(n)) = n, for every format, for drawn networks and for the bundled ones."""

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given

from simulator.network.ir import Layer, Network, Op
from tests.drawn_networks import nests, networks
from workloads.exporters import convert
from workloads.load import load_network
from workloads.registry import BUILDERS

WHOLE = ("csv", "onnx", "yaml")


def there_and_back(network: Network, form: str) -> Network:
    if form == "onnx":
        pytest.importorskip("onnx")
    with TemporaryDirectory() as folder:
        path = Path(folder) / (f"net.{form}" if form in WHOLE else "net")
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


@given(network=networks().filter(nests))
def test_timeloop_problems_hold_the_loop_nests(network: Network):
    assert nests(there_and_back(network, "timeloop")) == nests(network)


@pytest.mark.parametrize("form", WHOLE)
@pytest.mark.parametrize("family", BUILDERS)
def test_a_bundled_network_that_was_written_is_read_as_it_was(form: str, family: str):
    network = load_network(family)
    assert there_and_back(network, form) == network


@pytest.mark.parametrize("form", WHOLE)
def test_a_network_at_a_condensing_stage_keeps_its_shares_of_zeros(form: str):
    network = load_network("condensenet:stage=3")
    assert there_and_back(network, form) == network


@pytest.mark.parametrize("family", BUILDERS)
def test_timeloop_problems_of_a_bundled_network_hold_its_loop_nests(family: str):
    network = load_network(family)
    assert nests(there_and_back(network, "timeloop")) == nests(network)
