"""The schema of a load in `nimprofile verify --json`."""

from __future__ import annotations

from nimprofile.report.schemas.terms import obj, of_record, ref, several, text, texts, truth
from nimprofile.verify.judgement import Outcome

TYPE_CHECKING = False
if TYPE_CHECKING:
    from nimprofile.report.schemas.terms import Schema


def load_schema() -> tuple[Schema, dict[str, Schema]]:
    """The schema of one load, and the definitions that it refers to."""
    from nimprofile.verify.load.load_report import LoadReport

    report, definitions = of_record(LoadReport)
    load = obj(
        "requests that were measured, and what became of the goals",
        holds=truth("whether nothing of it makes the exit code 5"),
        report=ref("LoadReport", "what was measured"),
        goals=several(
            "what became of each goal",
            obj(
                "one goal",
                goal=text("what was demanded"),
                outcome=text("whether it was met", *Outcome),
                wanted=text("the bound, with its unit"),
                measured=text('the figure that decides; "" where none was measured'),
                why=text("a sentence"),
            ),
        ),
        impossible=texts("what of the measurement cannot be, in sentences"),
    )
    return load, {"LoadReport": report, **definitions}
