"""Machines: what a user writes in hw_configs/*.yaml, and the frozen `Hardware` that the model works with."""
