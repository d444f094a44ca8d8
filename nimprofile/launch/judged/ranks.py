"""The operator's arguments that decide how many ranks start, and on which GPUs.

A plan asks for as many GPUs as the profile has ranks: tp × pp. What would start more of them,
fewer, or the same on other GPUs is refused, by whatever name an engine has for it. What the ranks
of tensor parallelism share stays: experts, the context while decoding (docs/serving/
context_parallel_deployment.md of vLLM at 020505c, docs/advanced_features/dcp.md of SGLang), and
SGLang's data parallelism of attention alone (dp_dpa_smg_guide.md).
"""

from __future__ import annotations

from nimprofile.launch.flags import whole_number

TYPE_CHECKING = False
if TYPE_CHECKING:
    from nimprofile.launch.judged.served_facts import ServedFacts

_SEVERAL = "leave it out; several servers are several starts, render --replicas"
_ON_NODES = "leave it out; render k8s starts a server that spans several nodes"
_UNJUDGED = "leave it out: no profile is judged with it"
_FIRST = "leave it out: the server is shown the GPUs that were selected, and takes each of them"

ATTENTION = "whether data parallelism is that of attention alone"
DATA_OR_ATTENTION = "data parallelism, or that of attention"

_HARMLESS: dict[str, tuple[int | None, str]] = {
    "the number of GPUs": (1, _SEVERAL),
    DATA_OR_ATTENTION: (
        1,
        "leave it out, for several servers are several starts, or add --enable-dp-attention",
    ),
    "the place among several servers": (None, _SEVERAL),
    "the number of nodes": (1, _ON_NODES),
    "the place among several nodes": (0, _ON_NODES),
    "context parallelism": (1, _UNJUDGED),
    "copies of the experts": (1, _UNJUDGED),
    "the first GPU": (0, _FIRST),
    "the distance between GPUs": (1, _FIRST),
}
"""What a flag decides -> the number that changes nothing, if there is one, and what to do instead
of giving another."""


def fix_of_ranks(
    decides: str, value: str | None, facts: ServedFacts, *, attention: bool = False
) -> str | None:
    """What to do instead of giving an argument that decides ranks; None when it changes nothing.

    Args:
        decides: what the flag decides, in the words of `FlagSyntax.decisive`.
        value: what it was given.
        facts: what was judged.
        attention: data parallelism is that of attention alone.

    Raises KeyError for a flag that decides something else.
    """
    number = whole_number(value)
    match decides:
        case "tensor parallelism":
            return _select_for("tp", number, facts.tp)
        case "pipeline parallelism":
            return _select_for("pp", number, facts.pp)
        case _ if decides == ATTENTION:
            return None  # without data parallelism it changes nothing
        case _ if decides in _SHARING or (attention and decides == DATA_OR_ATTENTION):
            if number is not None and number > 0 and facts.tp % number == 0:
                return None
            return f"name a divisor of tensor parallelism, {facts.tp}, whose GPUs it shares"
        case "the GPUs of a node":
            ranks = facts.tp * facts.pp
            fits = number is not None and number >= ranks
            return None if fits else f"leave it out: {ranks} GPUs of one machine are taken"
        case "the kind of device":
            return None if value in {"auto", "cuda"} else "leave it out: GPUs were judged"
        case "how the ranks are started":
            ranks = facts.tp * facts.pp
            alone = value == "uni" and ranks > 1
            if alone or value in {None, "external_launcher"}:
                return f"leave it out: it does not start {ranks} ranks"
            return None
    changes_nothing, fix = _HARMLESS[decides]
    return None if number is not None and number == changes_nothing else fix


_SHARING = frozenset({"expert parallelism", "decode context parallelism"})
"""What the ranks of tensor parallelism share among them."""

DECIDED_RANKS = frozenset(
    {
        *_HARMLESS,
        *_SHARING,
        *(ATTENTION, "tensor parallelism", "pipeline parallelism"),
        *("the GPUs of a node", "the kind of device", "how the ranks are started"),
    }
)
"""What a flag may decide of the ranks, in the words of `FlagSyntax.decisive`."""


def _select_for(tag: str, number: int | None, judged: int) -> str | None:
    if number == judged:
        return None
    if number is None:
        return "leave it out: it says no number"
    return f"select for it with --tags {tag}={number}, or leave it out"
