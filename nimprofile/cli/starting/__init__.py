"""What the commands share that start a server, or say what would be started."""
