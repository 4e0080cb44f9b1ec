"""squeezesim: a cycle-approximate simulator and profiler of PE-array neural-network accelerators."""
