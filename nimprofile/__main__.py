"""`python -m nimprofile`."""

import sys

from nimprofile.cli.main import main

sys.exit(main())
