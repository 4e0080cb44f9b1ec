"""Fit a machine's few unpublished costs to what was measured on it, and say what the rows cannot tell."""

from analysis.drive.fit.fitting import Fit, fit_machine
from analysis.drive.fit.machine_file import fitted_text
from analysis.drive.fit.parameters import Parameter, read_parameters

__all__ = ["Fit", "Parameter", "fit_machine", "fitted_text", "read_parameters"]
