"""What the logs of servers tell."""
