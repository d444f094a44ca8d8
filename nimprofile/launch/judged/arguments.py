"""The operator's arguments against what was judged: what merely adds stays, what contradicts not.

Arguments that the memory is judged by, as `--max-model-len`, are counted when profiles are judged
(`Serving.given`), so that they contradict nothing.
"""

from __future__ import annotations

from nimprofile.base.enums import Precision
from nimprofile.base.errors import LaunchError, RequestError
from nimprofile.engines.arguments import as_started, is_counted
from nimprofile.launch.flags import last_given
from nimprofile.launch.judged.ranks import ATTENTION, DECIDED_RANKS, fix_of_ranks

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from nimprofile.engines.serving import Serving
    from nimprofile.launch.flags import FlagSyntax, GivenFlag
    from nimprofile.launch.judged.served_facts import ServedFacts
    from nimprofile.launch.judged.weights_source import WeightsSource
    from nimprofile.launch.server_spec import ServerSpec
    from nimprofile.launch.setup import Setup


def refuse_contradictions(
    facts: ServedFacts,
    weights: WeightsSource,
    serving: Serving,
    *,
    setup: Setup,
    specs: Sequence[ServerSpec],
) -> None:
    """Raise LaunchError for an argument of the operator's that contradicts what was judged.

    Args:
        facts: what was judged.
        weights: what is loaded.
        serving: how the engine's start was judged.
        setup: it has the operator's arguments.
        specs: of the server that they are for, and of the engine's own where it is a NIM.
    """
    judge = _Judge(facts, weights, serving)
    for spec in specs:
        if spec.engine_flags is None:  # both are the engine's, and the last of a name wins
            judge.refuse(setup.arguments, spec.flags)
        else:
            judge.refuse(setup.passthrough, spec.engine_flags)
            judge.refuse(setup.extra, spec.flags)


class _Judge:
    """Reads arguments beside what was judged."""

    def __init__(self, facts: ServedFacts, weights: WeightsSource, serving: Serving):
        self.facts, self.weights, self.serving = facts, weights, serving

    def refuse(self, arguments: Sequence[str], syntax: FlagSyntax) -> None:
        """Raise LaunchError for the first argument that contradicts what was judged."""
        last = last_given(arguments, syntax)
        attention = any(syntax.decisive.get(flag) == ATTENTION for flag in last)
        for flag, given in last.items():
            decides = syntax.decisive.get(flag)
            if decides is None:
                _refuse_ambiguous(given, syntax)
                continue
            try:
                if decides in DECIDED_RANKS:
                    fix = fix_of_ranks(decides, given.value, self.facts, attention=attention)
                else:
                    fix = self._fix(flag, given.value, decides)
            except RequestError as error:
                why = str(error).rpartition(": ")[2]
                raise LaunchError(f"your {given} cannot be read: {why}") from None
            if fix is not None:
                raise LaunchError(f"your {given} contradicts what was judged, {decides}: {fix}")

    def _fix(self, flag: str, value: str | None, decides: str) -> str | None:
        """What to do instead of giving this argument; None when it says what was judged."""
        match decides:
            case "precision":
                return self._fix_of_precision(flag, value)
            case "how the weights are loaded" if value in _QUANTISING_LOADERS:
                return self._fix_of_precision("--quantization", value)
            case "the model":
                same = value is not None and value.removeprefix("hf://") == self.weights.model
                return None if same else "name the weights with --model, before --"
            case "memory" | "the longest context, and memory":
                return self._fix_of_memory(flag, value)
        return _UNJUDGED.get(decides)

    def _fix_of_memory(self, flag: str, value: str | None) -> str | None:
        if not is_counted(flag):
            return "leave it out, or name the fraction of the GPU, which is judged"
        words = [flag] if value is None else [flag, value]
        if value in {"auto", "-1"} and flag.endswith(("model-len", "model_len")):
            if self.facts.max_model_len is None:
                return None
            judged = f"leave it out: {self.facts.max_model_len} tokens were judged"
            asked = "; --max-model-len auto before -- asks for the longest that fits"
            return judged + (asked if self.serving.fit_context else "")
        if as_started(self.serving, words, "an argument") != self.serving:
            return "count it in what is judged: Request(serving=serving.given(arguments, source))"
        known = as_started(self.serving.replace(kv_cache_dtype="auto"), words, "an argument")
        if flag.endswith(("kv-cache-dtype", "kv_cache_dtype")) and value != "auto":
            unknown = known.kv_cache_dtype == "auto"
            return "leave it out: what such a cache takes is not known" if unknown else None
        return None

    def _fix_of_precision(self, flag: str, value: str | None) -> str | None:
        facts, shape = self.facts, self.weights.shape
        theirs = (value or "").lower()
        if flag == "--dtype":
            theirs = _DTYPES.get(theirs, theirs)
            own = None if shape is None else shape.dtype
            if theirs == "auto" and facts.dtype is not None:
                theirs = own or theirs
            wide = facts.dtype is None and theirs in {"auto", "bfloat16", "float16"}
            if wide or theirs == facts.dtype:
                return None
            named = next((name for name, dtype in _DTYPES.items() if dtype == theirs), None)
            precision = named if named in {*Precision} else None
        else:
            method = None if shape is None or shape.quantization is None else shape.quantization
            stored = method is not None and theirs.startswith(method.method)
            made = facts.on_load and facts.precision is Precision.FP8 and theirs.startswith("fp8")
            if flag == "--quantization" and (stored or made):
                return None
            precision = "fp8" if theirs.startswith("fp8") else None
            precision = theirs if theirs in {*Precision} else precision
        if precision is None or precision == facts.precision:
            return "leave it out: the precision is that of the profile"
        return f"select for it with --tags precision={precision}, or leave it out"


def _refuse_ambiguous(given: GivenFlag, syntax: FlagSyntax) -> None:
    """Refuse the beginning of several flags of which one decides something, as an engine would."""
    several = syntax.beginning_with(given.name)
    if len(several) > 1:
        raise LaunchError(
            f"your {given} may be {several[0]} or {several[-1]}: write the flag out, as engines "
            "take no beginning of several"
        )


_UNJUDGED = {
    **dict.fromkeys(
        ("what stands in our file", "what stands in that file", "the model repository"),
        "leave it out, for what it says is not judged",
    ),
    "the model's configuration": (
        "leave it out, for what it says is not judged; what stands in the config.json of the "
        "directory that --model names is"
    ),
}
"""What is refused whatever it says, and what to do instead."""

_QUANTISING_LOADERS = frozenset({"bitsandbytes", "flash_rl", "gguf"})
"""Values of `--load-format` that make another format of the weights, or read only their own."""

_DTYPES = {
    "bf16": "bfloat16",
    "fp16": "float16",
    "fp32": "float32",
    "half": "float16",
    "float": "float32",
}
"""Precisions, and other names of torch's dtypes that engines take."""
