"""One file an engine: its specification and the tables it is made of."""
