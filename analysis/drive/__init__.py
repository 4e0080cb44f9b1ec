"""Drive simulations: sweeps, explanations, co-design, accuracy."""
