"""How the words of a command line are read, completed and found wrong."""
