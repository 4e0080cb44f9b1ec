"""Networks: builders of the published ones, one family a file, and the specs that name them."""
