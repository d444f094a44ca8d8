"""What servers tell over HTTP."""
