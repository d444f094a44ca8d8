"""Text formats: files, YAML, and the printouts of NIM."""
