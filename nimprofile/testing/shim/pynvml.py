"""The real pynvml over a fake driver library.

`FakeNvml` puts this folder first on a process's path. The module found here steps aside for the
real one of nvidia-ml-py, which then loads the library that `NIMPROFILE_FAKE_NVML` describes.
"""

import importlib
import os
import sys

from nimprofile.testing.fake_driver import install

_here = os.path.dirname(os.path.abspath(__file__))
sys.path[:] = [path for path in sys.path if os.path.abspath(path) != _here]
del sys.modules[__name__]
importlib.invalidate_caches()
install(importlib.import_module("pynvml"), os.environ["NIMPROFILE_FAKE_NVML"])
