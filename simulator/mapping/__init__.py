"""Map layers onto the array: dataflows, placements, tiles, and the search for the best."""
