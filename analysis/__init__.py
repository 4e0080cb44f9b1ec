"""What is made of runs: `read` shows them, `drive` makes many."""
