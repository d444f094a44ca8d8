"""A decision as a plan: arguments, variables and files that start a server."""
