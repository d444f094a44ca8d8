"""One file a server: its specification and how its plan is made."""
