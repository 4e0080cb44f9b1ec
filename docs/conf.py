"""The documentation site: `sphinx-build -W docs site`. Pages of commands and pictures are made while it is built."""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))  # so that the extension beside this file is found

project = "squeezesim"
author = "the squeezesim developers"
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.doctest", "made"]
exclude_patterns = ["images"]
myst_enable_extensions = ["deflist"]
myst_heading_anchors = 4
autodoc_typehints = "description"
autodoc_member_order = "bysource"
doctest_global_setup = "from simulator import load_hardware, load_network, simulate, timeline"
html_theme = "furo"
html_title = "squeezesim"
os.environ.setdefault("MPLBACKEND", "Agg")
