"""An extension that makes the pages nobody should write by hand: every command's help, and a gallery of pictures."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from typer.main import get_command

from analysis.drive.reference import KINDS, field_tables
from simulator.cli.app import build

MACHINE, NETWORK = "eyeriss_like", "squeezenext:variant=v5"
CAPTIONS = {
    "cycles": "What each layer's cycles went to.",
    "utilization": "What became of every cycle of every PE; each layer is as wide as its time.",
    "traffic": "Bytes by memory level and operand.",
    "energy": "Energy by component and operand.",
    "roofline": "Each layer under the rooflines of DRAM, of memories and of the networks to the PEs.",
    "mapping": "What is unrolled over rows and columns by the layers that take most cycles; idle PEs are hatched.",
    "memory": "What lies on chip, op by op.",
    "shares": "MACs, cycles and energy by kind of op.",
}


def simulate(*words: str) -> str:
    """Run a command as a user would and return what it prints."""
    environment = os.environ | {"COLUMNS": "100", "NO_COLOR": "1", "TERM": "dumb"}
    command = [sys.executable, "-m", "simulator", *words]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout


def write_commands(page: Path) -> None:
    """Write the reference of the command line: the help of each command."""
    parts = ["# Command line\n\nMade from the commands themselves.\n"]
    for words in ([], *([name] for name in sorted(get_command(build()).commands))):
        title = " ".join(["simulate", *words])
        parts.append(f"## `{title}`\n\n```text\n{simulate(*words, '--help').strip()}\n```\n")
    page.write_text("\n".join(parts), encoding="utf-8")


def write_fields(page: Path) -> None:
    """Write what every field of every kind of file means."""
    parts = [
        "# Fields of files\n\nMade from the models that check files; `simulate docs KIND FIELD` prints the same.\n"
    ]
    for kind in KINDS.values():
        parts.append(f"## {kind.name}\n\nA file of this kind: {kind.about}.\n")
        for name, rows in field_tables(kind):
            cells = [" | ".join(cell.replace("|", "\\|") for cell in row) for row in rows]
            table = "\n".join(
                f"| {row} |" for row in ["field | values | default | meaning", "--- | --- | --- | ---", *cells]
            )
            parts.append(f"### {kind.name}: {name}\n\n{table}\n")
    page.write_text("\n".join(parts), encoding="utf-8")


def write_gallery(page: Path, pictures: Path) -> None:
    """Write a page of the pictures of a run."""
    simulate("--hw", MACHINE, "--net", NETWORK, "--out", str(pictures), "--plot", "--size", "page")
    parts = [f"# Gallery\n\nWhat `simulate --hw {MACHINE} --net {NETWORK} --out DIR --plot --size page` draws.\n"]
    for name, caption in CAPTIONS.items():
        parts.append(f"## {name.capitalize()}\n\n{caption}\n\n![{name}]({pictures.name}/{name}.png)\n")
    page.write_text("\n".join(parts), encoding="utf-8")


def make(app: Any) -> None:
    """Make the pages before any is read; doctests are run beside a site that has them."""
    if app.builder.name == "doctest":
        return
    source = Path(app.srcdir)
    write_commands(source / "reference" / "cli.md")
    write_fields(source / "reference" / "fields.md")
    write_gallery(source / "gallery.md", source / "gallery")


def setup(app: Any) -> dict[str, bool]:
    """Tell Sphinx of this."""
    app.connect("builder-inited", make)
    return {"parallel_read_safe": True}
