"""Co-design experiments: a paper's claims beside what the simulator says, and networks changed by their profile."""
