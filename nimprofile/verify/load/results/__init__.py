"""The results of other programs that measure servers."""
