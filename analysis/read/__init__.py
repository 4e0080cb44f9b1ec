"""Read runs: tables, plots, comparisons."""
