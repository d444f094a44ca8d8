"""Variables that decide what a server sees and does."""
