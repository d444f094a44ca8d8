"""The command `advisories`: the known issues of profiles."""

from __future__ import annotations

from nimprofile.base.printable import quoted
from nimprofile.base.record import Record
from nimprofile.cli.console import print_json, show
from nimprofile.cli.exit_codes import DONE
from nimprofile.cli.options import add_format
from nimprofile.cli.parsing.parser import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from nimprofile.selection.advisories.advisory import Advisory


class AdvisoriesArguments(Record):
    """The options of `nimprofile advisories`; `advisory` is the one to print."""

    advisory: str | None
    format: str
    color: str


def advisories_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `nimprofile advisories`."""
    parser.add_argument(
        "advisory",
        nargs="?",
        metavar="ADVISORY",
        help="print all that is known of this one, by its id (default: list every one)",
    )
    add_format(parser, "text", "json")
    parser.set_defaults(arguments=AdvisoriesArguments)


def run_advisories(arguments: AdvisoriesArguments) -> int:
    """Print every known issue, or the one that is named."""
    from nimprofile.report.production import advisories as report
    from nimprofile.selection.advisories.advisory import known_advisories

    known = known_advisories()
    if arguments.advisory is not None:
        known = (_named(arguments.advisory, known),)
    if arguments.format == "json":
        print_json(report.advisories_to_dict(known))
    elif arguments.advisory is not None:
        show(report.advisory_blocks(known[0]), arguments.color)
    else:
        show(report.advisories_blocks(known), arguments.color)
    return DONE


def _named(name: str, known: tuple[Advisory, ...]) -> Advisory:
    """The advisory of this id; UsageError, which names near ones, when there is none."""
    by_id = {advisory.id: advisory for advisory in known}
    if (found := by_id.get(name.strip().casefold())) is not None:
        return found
    from nimprofile.base.names.nearest import nearest

    near = nearest(name.strip().casefold(), by_id, 3, least=0.5)
    hint = f"did you mean {' or '.join(near)}?" if near else "`nimprofile advisories` lists all"
    raise UsageError(f"{quoted(name)} is not an advisory; {hint}")
