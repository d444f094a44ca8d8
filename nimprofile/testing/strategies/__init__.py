"""Hypothesis strategies for machines, manifests, models and what goes with them."""
