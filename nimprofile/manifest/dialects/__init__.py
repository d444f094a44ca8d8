"""One file a dialect: how it is recognised and how it is read."""
