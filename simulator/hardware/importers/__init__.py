"""Write machines of other tools as ours: SCALE-Sim's configurations and Timeloop's architectures."""

from pathlib import Path

from simulator.errors import InputError, Problem
from simulator.source import parse_yaml


def machine_text(path: Path) -> str:
    """Return the machine in a file of another tool as YAML that loads; raise InputError with what is wrong with it.

    `.cfg` is SCALE-Sim's, `.yaml` Timeloop's.
    """
    from simulator.hardware.importers.scalesim import text_of_configuration
    from simulator.hardware.importers.timeloop import text_of_architecture
    from simulator.hardware.load import read_hardware

    readers = {".cfg": text_of_configuration, ".yaml": text_of_architecture, ".yml": text_of_architecture}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        expected = "a .cfg of SCALE-Sim or an architecture in YAML of Timeloop"
        raise InputError(Problem("not a machine of another tool", str(path), expected=expected))
    text = reader(path)
    read_hardware(parse_yaml(text, str(path)))
    return text
