"""Machines: what a user writes in hw_configs/*.yaml, and the frozen `Hardware` that the model works with."""

from simulator.hardware.load import list_hardware, load_hardware
from simulator.hardware.model import Array, Buffer, Delivery, Dram, Hardware, ZeroWeights

__all__ = [
    "Array",
    "Buffer",
    "Delivery",
    "Dram",
    "Hardware",
    "ZeroWeights",
    "list_hardware",
    "load_hardware",
]
