"""The JSON Schemas of what commands print: every key with its meaning and its unit."""
