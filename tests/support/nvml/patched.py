"""A pynvml that does something else: the real one over whatever library, and code run after it."""

_LOAD = """\
import importlib, os, sys
here = os.path.dirname(os.path.abspath(__file__))
sys.path[:] = [path for path in sys.path if os.path.abspath(path) != here]
del sys.modules[__name__]
importlib.invalidate_caches()
import pynvml
"""


def patch_pynvml(monkeypatch, folder, code):
    """Have every process that is started from here run this code once it has imported pynvml.

    Call it before a `FakeNvml` is entered, whose place on the path is its own.
    """
    (folder / "pynvml.py").write_text(_LOAD + code)
    monkeypatch.syspath_prepend(str(folder))
