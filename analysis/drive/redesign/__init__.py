"""Redesign any network for a machine: moves of explanations, each simulated, kept if it pays, within limits."""
