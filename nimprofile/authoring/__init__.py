"""Manifests built, checked, written and compared."""
