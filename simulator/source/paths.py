"""Find the data that travels with the package."""

from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]  # simulator


def data_dir() -> Path:
    """Return the folder of bundled machines, dataflows, mappings and energy tables.

    A wheel carries hw_configs inside the package; in a checkout, installed editable or not, it stands beside it.
    """
    installed = PACKAGE / "_data" / "hw_configs"
    return installed if installed.is_dir() else PACKAGE.parent / "hw_configs"
