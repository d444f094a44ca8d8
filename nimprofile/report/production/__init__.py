"""What the commands `lock`, `check`, `doctor` and `verify` print."""
