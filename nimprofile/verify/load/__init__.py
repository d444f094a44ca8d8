"""Requests that are measured, and the results of other programs that measure."""
