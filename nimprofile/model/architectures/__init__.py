"""The layers of each `model_type`."""
