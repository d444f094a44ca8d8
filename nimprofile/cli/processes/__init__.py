"""What becomes of the process of the program whatever happens to it."""
