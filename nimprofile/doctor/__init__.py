"""Checks of a host before the first start."""
