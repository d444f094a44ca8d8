"""The commands that print what the program knows, of no machine and no manifest."""
