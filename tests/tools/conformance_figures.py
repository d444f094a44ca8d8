"""Of the public listings, how much agrees with NIM, by generation.

`python -m tests.tools.conformance_figures` prints the table of `docs/conformance.md`; with `--write`
it puts it there.
"""

from __future__ import annotations

import re
import sys
from collections import Counter

from tests.support.cases import (
    FORMS,
    PATHS,
    grades_of,
    is_a_choice,
    load,
    orders_of,
    selections_of,
    selects_as,
)
from tests.support.paths import DOCS

GENERATIONS = {
    "nim-1.0": "1.0 to 1.2",
    "nim-1.3": "1.3 to 1.11",
    "nim-1.13": "1.12 and 1.13",
    "nim-1.15": "1.14 and 1.15",
    "nim-2.0": "2.x",
    "nim": "speech, retrieval, vision and others",
}
WAYS = {
    **{form: {"form": form} for form in FORMS},
    **{f"{form}, auto": {"form": form, "policy": "auto"} for form in FORMS},
}
"""Under the policy of the generation, and under the one that `auto` takes."""

KINDS = ("grades", "orders", "choices", "only candidates", "pins")
"""Choices are among several candidates; a profile that is alone is no achievement."""


def compared(case, how):
    """What of a case can be compared, and whether it agrees: pairs of a kind and a truth."""
    if "machine" in case and case["profiles"]:
        for row, listed, ours in grades_of(case, **how):
            if not row.get("reasoned"):
                yield "grades", listed == ours
        if case.get("ordered"):
            for listed, ours in orders_of(case, **how):
                yield "orders", listed == ours
    for expected in selections_of(case):
        if expected is not None and expected.get("pinned"):
            yield "pins", selects_as(case, expected, **how)
        elif case["profiles"]:
            choice = is_a_choice(case, expected, **how)
            yield "choices" if choice else "only candidates", selects_as(case, expected, **how)


def figures(paths):
    """(generation, way, kind) -> how many agree, and of how many."""
    agreeing, total = Counter(), Counter()
    for path in paths:
        case = load(path)
        for way, how in WAYS.items():
            for kind, agrees in compared(case, how):
                agreeing[case["policy"], way, kind] += agrees
                total[case["policy"], way, kind] += 1
    return agreeing, total


def table(paths=PATHS):
    """The figures as a table of Markdown."""
    agreeing, total = figures(paths)
    lines = [["NIM", "read from", *KINDS], ["---"] * (len(KINDS) + 2)]
    for name, policies in [
        *((name, [key]) for key, name in GENERATIONS.items()),
        ("all", GENERATIONS),
    ]:
        for way in WAYS:
            cells = []
            for kind in KINDS:
                keys = [(policy, way, kind) for policy in policies]
                number = sum(total[key] for key in keys)
                cells.append(f"{sum(agreeing[key] for key in keys)} of {number}" if number else "–")
            lines.append([name, way, *cells])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def written(text, new):
    """The text of the page with the new table in the place of its own."""
    return re.sub(
        r"^\| NIM \|.*?(?=\n\n)", lambda _: new, text, count=1, flags=re.DOTALL | re.MULTILINE
    )


if __name__ == "__main__":
    if sys.argv[1:] == ["--write"]:
        page = DOCS / "conformance.md"
        page.write_text(written(page.read_text("utf-8"), table()), "utf-8")
    else:
        print(table())
