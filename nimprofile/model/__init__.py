"""A model's `config.json` as a shape: layers, weights, formats."""
