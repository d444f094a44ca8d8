"""A random attack on the program, as `make attack` runs it: see `__main__.py`."""
