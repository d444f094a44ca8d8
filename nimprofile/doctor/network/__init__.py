"""Ports, keys and the way to the network."""
