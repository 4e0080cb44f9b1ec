"""Simulate a network on a machine: plan the ops, map them, play them, and assemble the run."""

from simulator.engine.simulate import simulate

__all__ = ["simulate"]
