"""Which of NIM's variables have a value that the commands which read it refuse, and why."""

from __future__ import annotations

from nimprofile.base.environment import (
    RELAX,
    SEQUENCES,
    SYNONYMS,
    TRUTH_WORDS,
    first_set,
    without_service_links,
)
from nimprofile.base.errors import NimProfileError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


def unreadable_variables(environ: Mapping[str, str]) -> dict[str, str]:
    """The variables that cannot be read, each with the sentence of the command that refuses it.

    The commands' own readers are asked, of one variable at a time. Of several that say the same
    thing only the first that is set is read, and so only that one can be refused.
    """
    environ = without_service_links(environ)
    counted = {name: first_set(environ, names) for names in SYNONYMS for name in names}
    found = {}
    for name in sorted(name for name in environ if name.startswith("NIM_")):
        if not environ[name].strip() or counted.get(name, name) != name:
            continue
        if (problem := _problem({name: environ[name]} | _switch_of(name, environ))) is not None:
            found[name] = problem
    return found


def _switch_of(name: str, environ: Mapping[str, str]) -> dict[str, str]:
    """The switch without which a variable is not read, where it is on."""
    on = TRUTH_WORDS.get(environ.get(RELAX, "").strip().lower(), False)
    return {RELAX: "1"} if name == SEQUENCES and on else {}


def _problem(environ: Mapping[str, str]) -> str | None:
    """Why a selection, a start or its log would refuse these variables."""
    from nimprofile.launch.setup import Setup
    from nimprofile.report.startup_log import logger_of
    from nimprofile.selection.request import Request

    for read in (Request.from_env, Setup.from_env, logger_of):
        try:
            read(environ)
        except NimProfileError as error:
            return str(error)
    return None
