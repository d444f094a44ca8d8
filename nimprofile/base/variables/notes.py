"""Which of NIM's variables are set and change nothing of a decision, and what is said of them."""

from __future__ import annotations

from nimprofile.base.environment import (
    PASSTHROUGH,
    RELAX,
    SEQUENCES,
    SYNONYMS,
    first_set,
    read_switch,
    without_service_links,
)
from nimprofile.base.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import TypeAlias

    from nimprofile.base.variables.table import Variable


class VariableNotUsed(Record):
    """A variable that is set and changes nothing of the decision.

    Attributes:
        variable: its name.
        reason: why, as the table says it.
        handed: a NIM's container is given it all the same.
    """

    variable: str
    reason: str
    handed: bool = False

    kind = "variable_not_used"

    def __str__(self) -> str:
        if self.handed:
            handed = "a NIM that is launched is told of it"
            return f"{self.variable} does not change the choice: {self.reason}; {handed}"
        return f"{self.variable} is set and not used: {self.reason}"


class VariableUnknown(Record):
    """A variable that is written as one of NIM's, and is none; `nearest` is what may be meant."""

    variable: str
    nearest: str | None

    kind = "variable_unknown"

    def __str__(self) -> str:
        meant = "" if self.nearest is None else f"; did you mean {self.nearest}?"
        return f"{self.variable} is set and not known as a variable of NIM's{meant}"


class VariableBeaten(Record):
    """Of two variables that say the same thing differently, the one that does not count."""

    variable: str
    by: str

    kind = "variable_beaten"

    def __str__(self) -> str:
        return f"{self.variable} is not used: {self.by} is set too, says another, and counts"


VariableNote: TypeAlias = VariableNotUsed | VariableUnknown | VariableBeaten

READ = frozenset(
    {
        *(name for names in SYNONYMS for name in names),
        *("NIM_TAGS_SELECTOR", "NIM_PEFT_SOURCE", "NIM_MANIFEST_PATH", "NIM_MANIFEST_ALLOW_UNSAFE"),
        *("NIM_ALLOW_NVFP4_EMULATION", "NIM_TENSOR_PARALLEL_SIZE", "NIM_PIPELINE_PARALLEL_SIZE"),
        *("NIM_USE_SGLANG", "NIM_MAX_MODEL_LEN", "NIM_DISABLE_CUDA_GRAPH", PASSTHROUGH),
        *("NIM_SERVED_MODEL_NAME", "NIM_TRUST_CUSTOM_CODE", "NIM_FORCE_TRUST_REMOTE_CODE"),
        *("NIM_MAX_LORA_RANK", "NIM_MAX_GPU_LORAS", "NIM_MAX_CPU_LORAS"),
        *("NIM_LOG_LEVEL", "NIM_JSONL_LOGGING", "NIM_CACHE_PATH", RELAX, SEQUENCES),
    }
)
"""Those that the table says are honoured, so that the table is not imported for them alone."""


def variable_notes(environ: Mapping[str, str]) -> tuple[VariableNote, ...]:
    """What is said of variables that are set and do not change a decision; never their values."""
    return tuple(_notes(without_service_links(environ)))


def _notes(environ: Mapping[str, str]) -> Iterator[VariableNote]:
    for names in SYNONYMS:
        counted, *others = [name for name in names if environ.get(name, "").strip()] or [""]
        for name in others:
            if environ[name].strip() != environ[counted].strip():
                yield VariableBeaten(name, counted)
    if environ.get(SEQUENCES, "").strip() and not read_switch(environ, RELAX):
        yield VariableNotUsed(SEQUENCES, f"it takes effect only with {RELAX}=1")
    others = [name for name in environ if name.startswith("NIM_") and name not in READ]
    for name in sorted(name for name in others if environ[name].strip()):
        from nimprofile.base.variables.table import VARIABLES

        if (variable := VARIABLES.get(name)) is None:
            from nimprofile.base.names.nearest import nearest

            near = nearest(name, VARIABLES, least=0.8)
            yield VariableUnknown(name, near[0] if near else None)
        elif variable.bears:
            yield VariableNotUsed(name, variable.how, variable.handed)


def handed_on(environ: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """The variables that are set for a NIM's container alone, which is given them as they are."""
    environ = without_service_links(environ)
    beaten = {each for names in SYNONYMS for each in names if each != first_set(environ, names)}
    names = [name for name in environ if name.startswith("NIM_") and environ[name].strip()]
    names = [name for name in names if name not in beaten]
    if not names:
        return ()
    from nimprofile.base.variables.table import VARIABLES

    return tuple((name, environ[name]) for name in sorted(names) if _is_handed(VARIABLES.get(name)))


def _is_handed(variable: Variable | None) -> bool:
    return variable is not None and variable.handed


class SetVariable(Record):
    """A variable that is set, and what becomes of it; never its value.

    Attributes:
        name: the variable.
        use: what is done with it; `not known` when the table has none of its name, and
            `cannot be read` when commands refuse its value.
        how: by what, or why not; of a value that is refused, the sentence of the error.
    """

    name: str
    use: str
    how: str


def set_variables(
    environ: Mapping[str, str], unreadable: Mapping[str, str]
) -> tuple[SetVariable, ...]:
    """Every variable of NIM's that is set, in the order of their names.

    Args:
        environ: the environment.
        unreadable: the variables whose value no command reads, each with the reason.
    """
    from nimprofile.base.variables.table import VARIABLES

    environ = without_service_links(environ)
    off = {RELAX: ""} if RELAX in unreadable else {}  # the one that the notes themselves read
    notes = {note.variable: note for note in variable_notes({**environ, **off})}
    found = []
    for name in sorted(name for name in environ if name.startswith("NIM_")):
        if not environ[name].strip():
            continue
        note, variable = notes.get(name), VARIABLES.get(name)
        if name in unreadable:
            found.append(SetVariable(name, "cannot be read", unreadable[name]))
        elif variable is None:
            found.append(SetVariable(name, "not known", _meant(note)))
        elif isinstance(note, VariableBeaten):
            found.append(SetVariable(name, "not used", f"{note.by} is set too, and counts"))
        elif isinstance(note, VariableNotUsed) and not note.handed:
            found.append(SetVariable(name, "not used", note.reason))
        else:
            found.append(SetVariable(name, variable.use, variable.how or CONTAINER))
    return tuple(found)


CONTAINER = "the container of a NIM is given it"


def _meant(note: VariableNote | None) -> str:
    nearest = note.nearest if isinstance(note, VariableUnknown) else None
    return "no page of NIM's names it" if nearest is None else f"did you mean {nearest}?"


def for_nim_alone(variables: tuple[tuple[str, str], ...]) -> tuple[str, ...]:
    """Of variables that a NIM is given, those that nothing else reads and no note has named."""
    if not variables:
        return ()
    from nimprofile.base.variables.table import VARIABLES, Use

    known = [VARIABLES[name] for name, _ in variables if name in VARIABLES]
    return tuple(each.name for each in known if each.use is Use.HANDED_ON and not each.bears)
