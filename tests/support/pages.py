"""README and docs as tests read them: the fenced blocks of each page."""

import re

from tests.support.paths import ROOT

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks_of(page, language):
    """The bodies of a page's blocks in one language, in their order."""
    text = page.read_text(encoding="utf-8")
    return [body for name, body in FENCE.findall(text) if name == language]


def pages_with(language):
    """The pages that have a block in that language."""
    return [page for page in PAGES if blocks_of(page, language)]
