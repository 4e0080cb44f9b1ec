"""One file for each anchor; it ends in `ANCHOR`."""
