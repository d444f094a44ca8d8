"""Write the tables of docs/environment.md from the table of NIM's variables.

python -m tests.tools.environment_page
"""

from nimprofile.base.variables.table import VARIABLES, Use
from tests.support.paths import ROOT

PAGE = ROOT / "docs" / "environment.md"
HEADINGS = {
    Use.HONOURED: "## Honoured",
    Use.HANDED_ON: "## Handed on",
    Use.NOT_USED: "## Not used",
}
TAIL = "## Pages"
"""What follows the tables is written by hand, and so is what comes before them."""


def table(use):
    """One table of the page: its heading, its columns and a row for each variable."""
    rows = [variable for variable in VARIABLES.values() if variable.use is use]
    done = {
        Use.HONOURED: "Here",
        Use.HANDED_ON: "Left out of the decision because",
        Use.NOT_USED: "Why",
    }
    lines = [
        HEADINGS[use],
        "",
        f"| Variable | NIMs | Meaning | {done[use]} | Page |",
        "| --- | --- | --- | --- | --- |",
    ]
    for variable in rows:
        how = variable.how
        if variable.use is Use.HONOURED and variable.also_handed:
            how += "; a NIM's container is given it too"
        lines.append(
            f"| `{variable.name}` | {variable.generations} | {variable.meaning} | {how} "
            f"| {variable.source} |"
        )
    return "\n".join(lines)


def tables():
    """All the tables, as they stand in the page."""
    return "\n\n".join(map(table, HEADINGS))


def between(text):
    """Where the tables begin in the page, and where they end."""
    return text.index(HEADINGS[Use.HONOURED]), text.index(TAIL)


if __name__ == "__main__":
    page = PAGE.read_text(encoding="utf-8")
    start, end = between(page)
    PAGE.write_text(f"{page[:start]}{tables()}\n\n{page[end:]}", encoding="utf-8")
