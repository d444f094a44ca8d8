"""What a profile has to pass on a machine, gate by gate."""
