"""A folder of results is one thing: the old set or the new one."""

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from simulator.errors import InputError
from simulator.source import folders
from simulator.source.files import STAGED, write_atomically
from simulator.source.folders import whole_folder

OLD, NEW = {"a": "old a", "b": "old b"}, {"a": "new a", "b": "new b", "c": "new c"}


def put(folder: Path, files: dict[str, str]) -> None:
    with whole_folder(folder) as stage:
        for name, text in files.items():
            write_atomically(stage / name, text)


def content(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in folder.iterdir() if path.is_file()}


def test_a_set_takes_the_place_of_the_old_one_and_what_else_lies_there_stays(tmp_path: Path) -> None:
    put(tmp_path / "new/o", OLD)
    (tmp_path / "new/o/notes").write_text("mine")
    put(tmp_path / "new/o", NEW)
    assert content(tmp_path / "new/o") == NEW | {"notes": "mine"}
    assert os.listdir(tmp_path / "new") == ["o"]
    assert (tmp_path / "new/o").stat().st_mode == (tmp_path / "new").stat().st_mode


@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError(28, "No space left on device"), ValueError()])
def test_what_goes_wrong_leaves_the_old_set(error: BaseException, tmp_path: Path) -> None:
    put(tmp_path / "o", OLD)
    with pytest.raises(type(error)), whole_folder(tmp_path / "o") as stage:
        write_atomically(stage / "a", "new a")
        raise error
    assert content(tmp_path / "o") == OLD
    assert os.listdir(tmp_path) == ["o"]


def test_a_problem_names_the_file_that_the_user_knows(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught, whole_folder(tmp_path / "o") as stage:
        write_atomically(stage / ("a" * 300), "text")
    assert caught.value.problems[0].file == str(tmp_path / "o" / ("a" * 300))


def test_a_folder_with_folders_in_it_or_to_work_in_is_filled_file_by_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "o/sub").mkdir(parents=True)
    put(tmp_path / "o", NEW)
    assert content(tmp_path / "o") == NEW and (tmp_path / "o/sub").is_dir()
    (tmp_path / "w").mkdir()
    monkeypatch.chdir(tmp_path / "w")
    put(Path(), NEW)
    assert content(Path.cwd()) == NEW and os.path.samefile(Path.cwd(), tmp_path / "w")


def test_a_system_that_cannot_exchange_folders_gets_file_by_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path / "o", OLD)
    monkeypatch.setattr(folders, "_exchanged", lambda one, other: False)
    put(tmp_path / "o", NEW)
    assert content(tmp_path / "o") == NEW


def test_a_file_that_comes_while_a_set_takes_its_place_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path / "o", OLD)
    exchanged = folders._exchanged

    def late(one: Path, other: Path) -> bool:
        (other / "late").write_text("late")
        return exchanged(one, other)

    monkeypatch.setattr(folders, "_exchanged", late)
    put(tmp_path / "o", NEW)
    assert content(tmp_path / "o") == NEW | {"late": "late"}


def killed(moment: int, folder: Path) -> bool:
    """Put a new set in a process that is killed at its call of the system of that number; tell whether it was."""
    child = os.fork()
    if child:
        return os.waitpid(child, 0)[1] != 0
    left = moment

    def counted(function: Callable[..., object]) -> Callable[..., object]:
        def call(*arguments: object, **options: object) -> object:
            nonlocal left
            left -= 1
            if left < 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return function(*arguments, **options)

        return call

    for name in ("chmod", "link", "open", "rename", "replace", "unlink"):
        setattr(os, name, counted(getattr(os, name)))
    folders._exchanged = counted(folders._exchanged)
    put(folder, NEW)
    os._exit(0)


def test_a_process_killed_at_any_moment_leaves_the_old_set_or_the_new_one(tmp_path: Path) -> None:
    put(tmp_path / "o", OLD)
    assert killed(0, tmp_path / "o")
    seen = [content(tmp_path / "o")]
    for moment in range(1, 100):
        was = killed(moment, tmp_path / "o")
        seen.append(content(tmp_path / "o"))
        if not was:
            break
        if seen[-1] == NEW:
            put(tmp_path / "o", OLD)
            (tmp_path / "o/c").unlink()
    assert len(seen) > 10 and seen[0] == OLD and seen[-1] == NEW
    assert all(found in (OLD, NEW) for found in seen)
    put(tmp_path / "o", OLD)
    assert [name for name in os.listdir(tmp_path) if name.startswith(STAGED)] == []
