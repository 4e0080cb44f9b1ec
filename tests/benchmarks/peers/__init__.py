"""Other simulators on the same layers and the same machine: what they take, and what they find."""
