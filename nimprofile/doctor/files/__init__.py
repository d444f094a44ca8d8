"""Checks of directories: of the cache above all, in which the weights are kept."""
