"""What a simulation leaves behind: the run, its JSON form, and the laws it obeys."""
