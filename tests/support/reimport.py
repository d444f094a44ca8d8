"""A module imported again: mutation testing changes tables, which are made when it is imported."""

import importlib
import sys


def reimported(monkeypatch, name):
    """A fresh import of this module of nimprofile, for one test only."""
    monkeypatch.setattr(f"nimprofile.{name}", sys.modules[f"nimprofile.{name}"])
    monkeypatch.delitem(sys.modules, f"nimprofile.{name}")
    return importlib.import_module(f"nimprofile.{name}")
