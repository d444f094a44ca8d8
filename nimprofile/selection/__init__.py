"""Inventory, Manifest and Request in; a Decision with its reasons out."""
