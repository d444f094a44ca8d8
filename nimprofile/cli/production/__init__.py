"""The commands `lock`, `check`, `doctor`, `verify` and `advisories`."""
