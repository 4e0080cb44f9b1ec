"""Runs as rows and data frames."""

import csv
from io import StringIO
from pathlib import Path

import pytest

from analysis.read.layout import csv_text
from simulator import simulate
from simulator.errors import InputError
from simulator.result import frames
from simulator.result.frames import check_frames, pandas_frame, polars_frame, write_parquet
from tests.cli.tiny import tiny

RUN = simulate("squeezenext_16x16", tiny())


def test_rows_have_the_columns_of_the_csv() -> None:
    rows = RUN.to_rows()
    (titles, *_) = csv.reader(StringIO(csv_text(rows)))
    assert list(rows[0]) == titles and len(rows) == len(RUN.layers)
    assert sum(int(row["cycles"]) for row in rows) == RUN.total.cycles


@pytest.mark.parametrize("package", ["polars", "pandas"])
def test_a_data_frame_has_numbers_as_numbers_and_what_is_empty_as_missing(package: str) -> None:
    pytest.importorskip(package, reason="needs the extra frames")
    frame = RUN.to_polars() if package == "polars" else RUN.to_pandas()
    assert list(frame.columns) == list(RUN.to_rows()[0])
    assert int(frame["cycles"].sum()) == RUN.total.cycles
    missing = frame["dataflow"].is_null() if package == "polars" else frame["dataflow"].isna()
    assert list(missing) == [not layer.dataflow for layer in RUN.layers]


def test_columns_are_of_numbers_of_text_or_of_nulls(tmp_path: Path) -> None:
    polars = pytest.importorskip("polars", reason="needs the extra frames")
    rows = [{"a": 1, "b": 1, "c": 1, "d": ""}, {"a": "", "b": 0.5, "c": "x", "d": ""}]
    write_parquet(rows, tmp_path / "rows.parquet")
    frame = polars.read_parquet(tmp_path / "rows.parquet")
    assert frame.equals(polars_frame(rows))
    assert frame.dtypes == [polars.Int64, polars.Float64, polars.String, polars.Null]
    assert frame.rows() == [(1, 1.0, "1", None), (None, 0.5, "x", None)]
    assert polars_frame([]).shape == (0, 0)


def test_a_column_is_of_whole_numbers_unless_one_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    polars = pytest.importorskip("polars", reason="needs the extra frames")
    frame = polars_frame([{"whole": 2**60 + 1, "some": 1.5, "one": ""}, {"whole": "", "some": 2, "one": 3}])
    assert frame.schema == {"whole": polars.Int64, "some": polars.Float64, "one": polars.Int64}
    assert frame.rows() == [(2**60 + 1, 1.5, None), (None, 2.0, 3)]
    pytest.importorskip("pandas", reason="needs the extra frames")
    other = pandas_frame([{"a": "x", "b": 1}, {"a": "", "b": 2}])
    assert (other["a"][0], other["a"].isna().to_list(), other["b"].to_list()) == ("x", [False, True], [1, 2])
    check_frames("polars")
    asked: list[str] = []
    monkeypatch.setattr(frames, "check_frames", asked.append)
    polars_frame([])
    pandas_frame([])
    assert asked == ["polars", "pandas"]


@pytest.mark.parametrize("package", ["polars", "pandas"])
def test_a_missing_package_is_named_with_its_extra(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("simulator.result.frames.find_spec", lambda name: None)
    with pytest.raises(InputError) as caught:
        RUN.to_polars() if package == "polars" else RUN.to_pandas()
    assert package in caught.value.render() and 'pip install "squeezesim[frames]"' in caught.value.render()


def test_the_package_lists_what_it_offers_and_has_it(tmp_path: Path) -> None:
    import simulator
    from simulator.result.json_io import save_run

    assert all(getattr(simulator, name) is not None for name in dir(simulator))
    save_run(RUN, tmp_path / "run.json")
    assert isinstance(RUN, simulator.Run) and simulator.load_run(tmp_path) == RUN
    with pytest.raises(AttributeError, match="no attribute 'simulat'"):
        simulator.simulat  # noqa: B018


def test_what_is_printed_of_a_run_and_its_parts_is_a_line() -> None:
    from simulator import load_hardware, load_network

    assert str(RUN) == f"<Run of tiny on squeezenext_16x16: 7 layers, {RUN.total.cycles} cycles>"
    assert str(RUN.layers[0]) == f"conv1 (conv): {RUN.layers[0].cycles:,} cycles, bound by {RUN.layers[0].bottleneck}"
    assert str(load_network("alexnet")).startswith("alexnet: 22 layers, 724,406,816 MACs, ")
    assert str(load_hardware("eyeriss_like")).startswith("eyeriss_like: 168 PEs at 1000 MHz; ")
