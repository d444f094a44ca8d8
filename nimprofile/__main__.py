"""`python -m nimprofile`."""

import sys

from nimprofile.cli import main

sys.exit(main())
