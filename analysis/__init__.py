"""Tables, plots and reports, read off saved runs."""
