"""Top-1 accuracy of networks that nobody has trained: an estimate from published ones, or what a user knows."""
