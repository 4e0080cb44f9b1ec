"""Pictures of one run; each file here is a plot, made of the rows that are also written as CSV."""

from analysis.read.plots.registry import PLOTS, mapping_picture, write_plot, write_plots

__all__ = ["PLOTS", "mapping_picture", "write_plot", "write_plots"]
