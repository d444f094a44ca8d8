"""The memory a profile needs on each GPU, and what would make it fit."""
