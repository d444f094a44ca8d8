"""Conditions on a profile, `precision=fp8` and `tp>=4`: read from a text, and held to a profile."""

from __future__ import annotations

import re

from nimprofile.base.enums import Engine
from nimprofile.base.errors import RequestError
from nimprofile.base.printable import quoted
from nimprofile.base.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sized

    from nimprofile.manifest.profile import Profile

TAG_ALIASES = {"engine": "llm_engine", "lora": "feat_lora"}
"""Our names of tags -> NIM's; a condition may use either.

`objective` is none of them: it is what a profile is tuned for, `throughput`, and the tag `profile`
is the text that says so, `throughput-lora` in NIM 1.3 to 1.13.
"""

OBJECTIVE = "objective"


class Condition(Record):
    """One condition on a profile: `tp>=4`.

    Attributes:
        tag: a tag as NIM calls it, in lower case, or `name`, `id` or `max_model_len`, the longest
            context that would be served.
        relation: `=`, `!=`, `>=`, `<=`, `>` or `<`; the last four compare numbers.
        value: what it is compared with, without regard to case; of `name` and `id` a pattern with
            `*` and `?`.
    """

    tag: str
    relation: str
    value: str

    def __post_init__(self) -> None:
        """Take our names of tags; refuse a relation that is none. Raises RequestError."""
        for text in (self.tag, self.value):
            if not isinstance(text, str) or not text.strip():
                raise RequestError(
                    f"a condition has a tag and a value, and {quoted(text)} is neither"
                )
        tag = self.tag.strip().casefold()
        tag = CONTEXT if tag == "max-model-len" else TAG_ALIASES.get(tag, tag)
        object.__setattr__(self, "tag", tag)
        if self.relation not in RELATIONS:
            known = ", ".join(RELATIONS)
            raise RequestError(f"{quoted(self.relation)} is not a relation; known: {known}")
        if tag == CONTEXT:
            object.__setattr__(self, "value", _tokens(self.value))
        counts = self.relation not in {"=", "!="} or self.tag in {"tp", "pp", CONTEXT}
        if counts and _number(self.value) is None:
            raise RequestError(f"{self}: {quoted(self.value)} is no number")

    def __str__(self) -> str:
        return condition_text(self.tag, self.relation, self.value)


CONTEXT = "max_model_len"
RELATIONS = ("=", "!=", ">=", "<=", ">", "<")
_OURS = {theirs: ours for ours, theirs in TAG_ALIASES.items()}


def condition_text(tag: str, relation: str, value: str) -> str:
    """A condition as an operator writes it."""
    return f"{our_tag(tag)}{relation}{value}"


def our_tag(tag: str) -> str:
    """Our name of a tag, where it has one."""
    return _OURS.get(tag, tag)


_CONDITION = r"([^\s<>=!]+)\s*(>=|<=|!=|==|=|>|<)\s*([^<>=!\s].*)"

MOST_CONDITIONS = 100
"""So many conditions are held to every profile; nobody writes more."""


def parse_conditions(text: str, source: str = "") -> tuple[Condition, ...]:
    """Read `precision=fp8,tp>=4,name=vllm-*`; what has no relation belongs to the value before it.

    Raises RequestError, which says which part is wrong.
    """
    found: list[tuple[str, str, list[str]]] = []
    for part in map(str.strip, text.split(",")):
        condition = re.fullmatch(_CONDITION, part)
        if condition is None and found and part and not set(part) & set("<>=!"):
            found[-1][2].append(part)  # values of tags may have commas
            continue
        if condition is None:
            problem = f"{quoted(part)} is no condition such as precision=fp8 or tp>=4"
            raise RequestError(f"{source}: {problem}" if source else problem)
        tag, relation, value = condition.groups()
        found.append((tag, "=" if relation == "==" else relation, [value]))
    limited(found, source)
    return tuple(Condition(tag, relation, ",".join(values)) for tag, relation, values in found)


def limited(conditions: Sized, source: str) -> None:
    """Raise RequestError where there are more conditions than are held to a profile."""
    if len(conditions) > MOST_CONDITIONS:
        problem = f"{len(conditions):,} conditions; {MOST_CONDITIONS} at most are read"
        raise RequestError(f"{source}: {problem}" if source else problem)


def conditions_of(value: object, source: str) -> tuple[Condition, ...]:
    """Conditions in any form: a text, a mapping of tags to values, or a list of texts and records.

    Raises RequestError.
    """
    if isinstance(value, str):
        return parse_conditions(value, source) if value.strip() else ()
    if hasattr(value, "items"):
        return tuple(Condition(tag, "=", wanted) for tag, wanted in value.items())
    if not isinstance(value, list | tuple):
        raise RequestError(
            f'{source}: {quoted(value)} is no condition; "precision=fp8,tp>=4" is two'
        )
    conditions: list[Condition] = []
    for part in value:
        if isinstance(part, Condition):
            conditions.append(part)
        elif isinstance(part, str):
            conditions += parse_conditions(part, source)
        else:
            raise RequestError(f"{source}: {quoted(part)} is no condition such as precision=fp8")
    limited(conditions, source)
    return tuple(conditions)


def nims_tag(tag: str) -> str:
    """A tag as NIM calls it: a selector may use our names too, and the case does not matter."""
    return TAG_ALIASES.get(tag.casefold(), tag)


def parse_tags(text: str, source: str) -> tuple[tuple[str, str], ...]:
    """Read `precision=fp8,tp=1`; a part without `=` belongs to the value before it.

    So `databases=uniref30,pdb70,pdb` is one condition: values of BioNeMo's tags have commas
    (corpus, 128). RequestError says which part is wrong.
    """
    if not text.strip():
        return ()
    conditions: list[tuple[str, list[str]]] = []
    for part in text.split(","):
        key, equals, value = (piece.strip() for piece in part.partition("="))
        if key and not equals and conditions:
            conditions[-1][1].append(key)
            continue
        if not (key and equals and value):
            problem = f"{quoted(part.strip())} is not tag=value, as in precision=fp8,tp=1"
            raise RequestError(f"{source}: {problem}" if source else problem)
        conditions.append((nims_tag(key), [value]))
    return tuple((tag, ",".join(values)) for tag, values in conditions)


def unmet(
    conditions: Iterable[Condition],
    profile: Profile,
    gpus: int,
    instead: Mapping[str, str | None] | None = None,
) -> Iterator[tuple[Condition, str | None]]:
    """The conditions that a profile does not meet, each with what it has; None: no such tag.

    Args:
        conditions: to be met.
        profile: the profile.
        gpus: how many GPUs it takes: the tp of a profile that leaves it open.
        instead: what of it is changed where it is started, by tag.
    """
    for condition in conditions:
        have = value_of(condition.tag, profile, gpus)
        if instead is not None:
            have = instead.get(condition.tag, have)
        if not _holds(condition, have):
            yield condition, have


def value_of(tag: str, profile: Profile, gpus: int) -> str | None:
    """What a profile has for a tag, whose case does not matter; None: nothing.

    What tags leave out is what is started then: one pipeline stage, a tp of its GPUs, no LoRA.
    """
    match tag:
        case "name" | "id":
            return profile.name if tag == "name" else profile.id
        case "tp":
            return str(profile.tp or max(1, gpus // (profile.pp or 1)))
        case "pp":
            return str(profile.pp or 1)
        case "feat_lora":
            return "true" if profile.lora else "false"
        case "llm_engine" if profile.engine is not None:
            return str(profile.engine)
    return tag_of(profile, tag)


def tag_of(profile: Profile, tag: str) -> str | None:
    """The value of a tag, whose case does not matter; None when the profile does not have it."""
    tags = profile.tags
    if tag.casefold() == OBJECTIVE and profile.objective is not None:
        return str(profile.objective)
    if (value := tags.get(tag)) is not None:
        return value
    wanted = tag.casefold()
    return next((tags[name] for name in tags if name.casefold() == wanted), None)


def _holds(condition: Condition, have: str | None) -> bool:
    if condition.relation in {"=", "!="}:
        return (have is not None and matches(condition, have)) is (condition.relation == "=")
    left, right = _number(have), _number(condition.value)
    if left is None or right is None:
        return False
    match condition.relation:
        case ">=":
            return left >= right
        case "<=":
            return left <= right
        case ">":
            return left > right
        case _:
            return left < right


def matches(condition: Condition, have: str) -> bool:
    """Whether a value is the one that a condition names, in any of its spellings."""
    wanted, have = condition.value.casefold(), have.casefold()
    if wanted == have:
        return True
    if condition.tag in {"name", "id"}:
        from fnmatch import fnmatchcase

        return fnmatchcase(have, wanted)
    if condition.tag == "llm_engine":
        return (engine := Engine.known(wanted)) is not None and engine == Engine.known(have)
    number = _number(wanted)
    return number is not None and number == _number(have)


def _tokens(text: str) -> str:
    """A number of tokens in digits; RequestError for what is none."""
    from nimprofile.base.units import parse_tokens

    try:
        return str(parse_tokens(text))
    except ValueError as error:
        raise RequestError(str(error)) from None


def _number(text: str | None) -> float | None:
    if text is None or re.fullmatch(_NUMBER, text.strip()) is None:
        return None
    return float(text)


_NUMBER = r"[0-9]{1,15}(\.[0-9]{1,15})?"
