"""A manifest's text, of any dialect, as a Manifest."""
