"""Simulate a network on a machine: plan the ops, map them, play them, and assemble the run."""

from simulator.engine.checks import around
from simulator.engine.simulate import Options, simulate

__all__ = ["Options", "around", "simulate"]
