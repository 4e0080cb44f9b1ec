"""Stores of sweeps that somebody has altered: a row that is not as it was written is named and simulated again."""

import sqlite3
from pathlib import Path

import pytest

from tests.cli.sweeps import sweep

pytestmark = pytest.mark.usefixtures("tiny_is_bundled")

RESULTS = {
    "no figure": '{"cycles":null}',
    "text for a number": '{"cycles":1,"latency_s":"x"}',
    "figures missing": '{"cycles":1}',
    "nested deeply": "[" * 100_000,
    "not JSON": "x",
    "not text": b"\xff\xfe",
    "nothing": "",
    "a number": 1,
}


def alter(store: Path, statement: str, *values: object) -> None:
    connection = sqlite3.connect(store)
    connection.execute(statement, values)
    connection.commit()
    connection.close()


@pytest.mark.parametrize("result", RESULTS.values(), ids=RESULTS)
def test_a_row_that_is_not_as_it_was_written_is_named_and_simulated_again(
    result: object, plan: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store, first, again = tmp_path / "s.sqlite", tmp_path / "1.csv", tmp_path / "2.csv"
    assert sweep(plan, store, "--csv", str(first)) == 0
    capsys.readouterr()
    alter(store, "UPDATE points SET result = ? WHERE key = (SELECT min(key) FROM points)", result)
    assert sweep(plan, store, "--csv", str(again)) == 0
    out, err = capsys.readouterr()
    assert "8: 1 simulated now, 7 known" in out
    assert err.count("note: ") == 1 and f"{store}: the row of key " in err and "was damaged" in err
    assert again.read_bytes() == first.read_bytes()
    assert sweep(plan, store) == 0
    assert "8: 0 simulated now" in capsys.readouterr().out


def test_rows_of_a_store_that_knew_no_digests_are_simulated_again(
    plan: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = tmp_path / "s.sqlite"
    assert sweep(plan, store) == 0
    alter(store, "ALTER TABLE points RENAME TO those")
    before = "CREATE TABLE points (key TEXT PRIMARY KEY, machine TEXT, network TEXT, settings TEXT, result TEXT)"
    alter(store, f"{before} WITHOUT ROWID")
    alter(store, "INSERT INTO points SELECT key, machine, network, settings, result FROM those")
    alter(store, "DROP TABLE those")
    alter(store, "PRAGMA user_version = 1")
    capsys.readouterr()
    assert sweep(plan, store) == 0
    assert "8: 8 simulated now" in capsys.readouterr().out
    assert sweep(plan, store) == 0
    assert "8: 0 simulated now" in capsys.readouterr().out


def test_a_store_whose_schema_is_not_text_is_a_problem_in_a_line(
    plan: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = tmp_path / "s.sqlite"
    assert sweep(plan, store) == 0
    content = store.read_bytes()
    assert b"machine TEXT NOT NULL" in content
    store.write_bytes(content.replace(b"machine TEXT NOT NULL", b"machine TEXT NOT \xffULL"))
    capsys.readouterr()
    assert sweep(plan, store) == 2
    assert capsys.readouterr().err.startswith(f"{store}: cannot use the store: ")
