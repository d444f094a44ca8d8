"""Keys, tokens and passwords: how they are told, and how no output has them."""
