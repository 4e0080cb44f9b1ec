"""Settings of every test: no results are kept on disk; hypothesis profiles, chosen with HYPOTHESIS_PROFILE."""

import gc
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings

from simulator.caches import COMPILED, SWITCH, usable_folder

os.environ[SWITCH] = "off"  # of processes that tests start, too
ANY_SPEED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # machines are slow at times
settings.register_profile("dev", ANY_SPEED, max_examples=50)
DRAWN = [Phase.explicit, Phase.generate]  # a failing case need not be small
SAME = settings(ANY_SPEED, derandomize=True, database=None, print_blob=True, phases=DRAWN)
settings.register_profile("ci", SAME, max_examples=60)
settings.register_profile("wide", SAME, max_examples=500)
settings.register_profile("fresh", ANY_SPEED, max_examples=2000, database=None, print_blob=True)
settings.register_profile("nightly", ANY_SPEED, max_examples=1000, print_blob=True)
settings.register_profile("mutation", ANY_SPEED, max_examples=6, derandomize=True, database=None, phases=DRAWN)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "dev"))
WITHOUT_KERNELS = (
    *("test_broken", "test_docs", "test_energy_circuits", "test_files", "test_hardware", "test_import", "test_keeping"),
    *("test_laws", "test_list", "test_machines", "test_network", "test_readme", "test_reference", "test_round_trip"),
    *("test_source", "test_structure", "test_yaml"),
)
"""Beginnings of the names of files whose tests mostly read and write: half of all tests."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put last what needs no kernels: one of two processes begins there, and does not wait for the other to compile."""
    items.sort(key=lambda item: item.path.name.startswith(WITHOUT_KERNELS))


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[object]:
    """Leave what modules hold, and tests, out of rounds of the garbage collector, which took a fifth of the time."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.collect()
        gc.freeze()
        gc.enable()


@pytest.hookimpl(optionalhook=True, tryfirst=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Give each process of `-n` a run of tests as they stand, of which one that is done takes half from another.

    So what the tests of a module look at together is made by one process.
    """
    from xdist.scheduler import WorkStealingScheduling

    return WorkStealingScheduling(config, log) if config.getoption("dist") == "load" else None


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache folder of the test's own, where results are kept; compiled kernels are those of all tests."""
    from simulator.cost.jit import cache_folder

    cache_folder()  # so that what is compiled now is there next time
    home, own = usable_folder(), tmp_path / "cache" / "squeezesim"
    own.mkdir(parents=True)
    for folder in home.iterdir() if home else ():
        if COMPILED.fullmatch(folder.name):
            (own / folder.name).symlink_to(folder)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv(SWITCH, "on")
    return own
