"""A decision on record, and what has moved since."""
