"""Kill a run and a sweep of a tiny network at moments all over their calls, half of them while they write.

`python -m tests.faults.kills FOLDER KILLS` prints what was left otherwise than whole. One process loads the program and
finishes each command once; each kill is that of a child of it, which takes a blink to start.
"""

import json
import os
import signal
import sqlite3
import sys
from contextlib import closing, suppress
from pathlib import Path

RUN = ("--hw", "squeezenext_16x16", "--net", "tiny", "--out", "out")
OTHER = ("--hw", "squeezenext_16x16", "--net", "tiny:filters=4", "--out", "out")
SWEEP = ("sweep", "plan.yaml", "--store", "s.sqlite", "--csv", "points.csv")
PLAN = """
machines: [squeezenext_16x16]
networks: [tiny]
axes: {array.rows: [4, 8, 16], dram.bandwidth: [1 GB/s, 4 GB/s]}
"""
AGAIN = 3
"""Every so many kills a sweep begins from nothing; the others go on from where the last one was killed."""
WRITING = ("close", "commit", "execute", "executemany", "mkdir", "rename", "replace", "rmdir", "unlink", "write")
"""What changes files and stores: it is killed just before some of these, and just behind."""
Files = dict[str, bytes]
Rows = dict[str, tuple[object, ...]]


def command(words: tuple[str, ...]) -> int:
    """Run a command in this process and return its status."""
    from simulator.cli.exits import run

    return run(words)


def in_child(words: tuple[str, ...], moment: int | None = None) -> tuple[int, list[int]]:
    """Run a command in a child, killed at its so manieth call; return how many calls it made, and which of them write.

    Returns to and from C count as calls. One that was killed made none.
    """
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        calls, writing = 0, list[int]()

        def count(frame: object, event: str, argument: object) -> None:
            nonlocal calls
            calls += 1
            if event.startswith("c_") and getattr(argument, "__name__", "") in WRITING:
                writing.append(calls)
            if calls == moment:
                os.kill(os.getpid(), signal.SIGKILL)

        sys.setprofile(count)
        status = command(words)
        sys.setprofile(None)
        with open(writer, "w") as telling:
            json.dump([calls, writing] if status == 0 else [0, []], telling)
        os._exit(0)
    os.close(writer)
    with open(reader, "rb") as told:
        made = told.read()
    os.waitpid(child, 0)
    calls, writing = json.loads(made or b"[0, []]")
    return calls, writing


def contents(folder: Path) -> Files:
    """What lies in a folder."""
    return {path.name: path.read_bytes() for path in folder.iterdir()} if folder.exists() else {}


def put(folder: Path, files: Files) -> None:
    """Make a folder hold these files and nothing else."""
    for path in folder.iterdir():
        path.unlink()
    for name, content in files.items():
        (folder / name).write_bytes(content)


def moments(words: tuple[str, ...], kills: int) -> list[int]:
    """Return so many moments of a command that is not disturbed, half of them evenly over what it writes."""
    calls, writing = in_child(words)
    assert len(writing) > kills
    half = kills // 2
    evenly = [1 + calls * kill // (kills - half) for kill in range(kills - half)]
    return sorted(evenly + [writing[len(writing) * kill // half] for kill in range(half)])


def kill_runs(kills: int) -> list[str]:
    """Kill a run that replaces the results of another; return what was left otherwise."""
    wrong, out = [], Path("out")
    sets = []
    for words in (OTHER, RUN):
        assert command(words) == 0
        sets.append(contents(out))
    put(out, sets[0])
    for moment in moments(RUN, kills):
        put(out, sets[0])
        if in_child(RUN, moment)[0]:
            wrong.append(f"it ended before call {moment}")
        if contents(out) not in sets:
            wrong.append(f"a mixture, killed at call {moment}")
    assert command(RUN) == 0
    wrong += [f"left behind: {path}" for path in Path.cwd().iterdir() if path.name != "out"]
    return wrong if contents(out) == sets[1] else [*wrong, "the run after all kills is another"]


def rows(store: Path) -> Rows:
    """The rows of a store by their keys; none where no table is yet."""
    with suppress(sqlite3.OperationalError), closing(sqlite3.connect(store)) as connection:
        found = [(str(key), tuple(rest)) for key, *rest in connection.execute("SELECT * FROM points")]
        assert len(dict(found)) == len(found)
        return dict(found)
    return {}


def kill_sweeps(kills: int) -> list[str]:
    """Kill a sweep that goes on from where the last one was killed; return what was left otherwise."""
    import analysis.drive.sweep.run

    analysis.drive.sweep.run.cores = lambda: 0  # no processes of its own, whose start takes all the time
    wrong, store, points = [], Path("s.sqlite"), Path("points.csv")
    Path("plan.yaml").write_text(PLAN)

    def begin() -> None:
        for path in Path.cwd().glob("s.sqlite*"):
            path.unlink()
        points.unlink(missing_ok=True)

    assert command(SWEEP) == 0
    whole, written = rows(store), points.read_bytes()
    begin()
    for kill, moment in enumerate(moments(SWEEP, kills)):
        if kill % AGAIN == 0:
            begin()
        before = rows(store)
        in_child(SWEEP, moment)
        after = rows(store)
        if not before.items() <= after.items() <= whole.items():
            wrong.append(f"rows lost or changed, killed at call {moment}")
        if points.exists() and points.read_bytes() != written:
            wrong.append(f"half a table, killed at call {moment}")
    begun = rows(store)
    assert command(SWEEP) == 0
    same = rows(store) == whole and points.read_bytes() == written and begun.items() <= whole.items()
    return wrong if same else [*wrong, "the sweep after all kills is another"]


def main(folder: str, kills: str) -> None:
    """Print what a run and a sweep leave that is not whole."""
    from workloads.registry import BUILDERS

    BUILDERS["tiny"] = "tests.cli.tiny:tiny"
    told = os.dup(1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    for name, kill in (("run", kill_runs), ("sweep", kill_sweeps)):
        place = Path(folder) / name
        place.mkdir()
        os.chdir(place)
        os.write(told, "".join(f"{name}: {wrong}\n" for wrong in kill(int(kills))).encode())


if __name__ == "__main__":
    main(*sys.argv[1:])
