"""Map layers onto the array: dataflows, spatial_mappings, tiles, and the search for the best."""
