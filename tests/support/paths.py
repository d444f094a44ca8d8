"""Where the tests find the repository and the corpus."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
CORPUS = ROOT / "tests" / "corpus"
