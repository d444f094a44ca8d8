"""The commands `lock`, `check`, `doctor` and `verify`."""
