"""How a network runs: which ops fuse, which tensors stay on chip."""
