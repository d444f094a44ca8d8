"""How near is the memory budget to what real engines printed?

`python tests/tools/memory_runs.py` prints every run of `tests/corpus/memory`, predicted beside measured,
with the rules of thumb beside ours; `--markdown` prints the tables of `docs/memory.md`.
"""

from __future__ import annotations

import json
import sys
from functools import cache, cached_property
from pathlib import Path

from nimprofile import Gpu, Serving, mock_inventory
from nimprofile.base.enums import Engine, Precision
from nimprofile.base.units import GIB
from nimprofile.engines.memory.estimate import memory_budget
from nimprofile.hardware.catalog import products
from nimprofile.model.shape import CacheKind
from nimprofile.model.shape_reader import shape_from_config
from nimprofile.model.weights import weight_bytes

CORPUS = Path(__file__).parents[1] / "corpus" / "memory"
ON_LOAD = {"fp32": Precision.FP32, "fp8": Precision.FP8, "int8": Precision.INT8}
"""What an engine was asked to make of a checkpoint that is stored otherwise."""

ALIASES = {
    "nvidia h100": "NVIDIA H100 80GB HBM3",
    "nvidia h100 80gb": "NVIDIA H100 80GB HBM3",
    "nvidia a100 80gb": "NVIDIA A100-SXM4-80GB",
    "nvidia a100 40gb": "NVIDIA A100-SXM4-40GB",
}


def lines(name):
    return [json.loads(line) for line in (CORPUS / name).read_text("utf-8").splitlines()]


MODELS = {entry["model"]: entry for entry in lines("models.jsonl")}
RUNS = lines("runs.jsonl")


def shape_of(run):
    """The shape of a run's model; None when nobody knows which model it was."""
    entry = MODELS.get(run["model"])
    if entry is None:
        return None
    config = dict(entry["config"])
    if run.get("language_model_only"):
        config.pop("vision_config", None)
    if "quantization_config" in run:
        config["quantization_config"] = run["quantization_config"]
    return shape_from_config(config)


def gpu_of(run):
    """The GPU of a run, by what the log printed of it, else by the catalogue; None if unknown."""
    name = run["gpus"].get("name", "")
    name = ALIASES.get(name.lower(), name)
    found = [product for product in products() if product.name.lower() == name.lower()]
    printed = run["gpus"].get("cuda_total_gib")
    if printed is not None:
        unified = bool(found) and found[0].unified_memory
        total = round(printed * 1024 * (0.9 if unified else 1))
        return Gpu(0, name, memory_total_mib=total, memory_reserved_mib=0, unified_memory=unified)
    if not found or found[0].memory_mib is None:
        return None
    return mock_inventory(f"1x{found[0].short}").gpus[0]


def serving_of(run, shape):
    given = run["serving"]
    stored = shape.quantization is not None
    precision = None if stored else ON_LOAD.get(run["weights"])
    return Serving(
        engine=Engine(run["engine"]),
        engine_version=run.get("engine_version") if run["engine"] == "vllm" else None,
        precision=precision,
        **given,
    )


class Outcome:
    """One run, predicted and measured."""

    def __init__(self, run):
        self.run, self.id, self.measured = run, run["id"], run["measured"]
        self.shape, self.gpu = shape_of(run), gpu_of(run)
        self.known = self.shape is not None and self.shape.known
        self.serving = self.budget = self.weights = None
        if self.known:
            self.serving = serving_of(run, self.shape)
            draft = bool(self.serving.speculative_tokens)
            where = (self.shape, self.serving.precision, self.serving.tp, self.serving.pp)
            # A log prints the weights of the first stage first.
            self.weights = weight_bytes(*where, draft=draft)[0] / GIB
            if self.gpu is not None:
                self.budget = memory_budget(self.shape, self.serving, self.gpu)

    @property
    def weights_error(self):
        printed = self.measured.get("weights_gib")
        return self.weights / printed - 1 if self.known and printed else None

    @property
    def hybrid(self):
        """Whether layers keep different things of a token."""
        return len({layer.cache and layer.cache.kind for layer in self.shape.layers}) > 1

    @property
    def context(self):
        return self.budget.serving.max_model_len

    @cached_property
    def measured_tokens(self):
        """Tokens the pool holds: what was printed, or for hybrids requests times their length."""
        measured = self.measured
        if self.budget is None or self.budget.pool is None or self.run["engine"] != "vllm":
            return None
        requests = measured.get("max_concurrency")
        tokens = measured.get("kv_cache_tokens")
        if tokens is None and "kv_blocks" in measured:
            tokens = measured["kv_blocks"] * measured.get("block_size", 16)
        if requests and (tokens is None or self.hybrid):
            return requests * self.context
        return tokens

    @cached_property
    def predicted_tokens(self):
        by_request = self.hybrid and "max_concurrency" in self.measured
        if by_request or not self.hybrid:
            return self.budget.cache_tokens(self.context)
        return self.budget.printed_tokens

    @property
    def tokens_error(self):
        tokens = self.measured_tokens
        return None if tokens is None else self.predicted_tokens / tokens - 1

    @property
    def ran(self):
        """Whether the engine started with this context; None when that was not about memory."""
        if self.run["outcome"] != "ok":
            return False
        pooled = {"kv_cache_tokens", "kv_cache_gib", "kv_blocks", "max_concurrency"}
        return True if pooled & self.measured.keys() else None

    @cached_property
    def predicted_to_run(self):
        if self.budget is None or self.context is None:
            return None
        free = self.measured.get("free_at_start_gib")
        refused = free is not None and self.budget.limit > free * GIB
        return self.budget.concurrency(self.context) >= 1 and not refused

    @cached_property
    def rules(self):
        """KV-cache tokens by the rules of thumb, by name."""
        value_bytes = sum(g.token_bytes * g.layers for g in self.budget.pool.groups) or 1.0
        serving, shape, total = self.budget.serving, self.shape, self.budget.total
        bits = 8 * weight_bytes(shape, serving.precision)[0] / max(1, shape.parameters)
        weights = shape.parameters * round(bits) / 8 / (serving.tp * serving.pp)
        usable = serving.memory_fraction * total
        activation = 8.0 if shape.experts else 2.5 if shape.encoder else 5.5
        other = activation + (0.6 if serving.tp > 1 else 0.15)
        return {
            "u·T − W − 2": (usable - weights - 2 * GIB) / value_bytes,
            "1.2·W + 2": (usable - 1.2 * weights - 2 * GIB) / value_bytes,
            "llm-d": (usable - weights - other * GIB) / value_bytes,
            "hf-mem": (total - weights) / value_bytes,
        }


@cache
def outcomes():
    """Every run, in the order of the corpus; worked out when first asked for."""
    return tuple(Outcome(run) for run in RUNS)


RULES = ("u·T − W − 2", "1.2·W + 2", "llm-d", "hf-mem")


def within(errors, limit):
    """The share of errors, None left out, that are at most this."""
    known = [abs(error) for error in errors if error is not None]
    return sum(error <= limit for error in known) / len(known)


def stated(outcomes):
    """The runs whose record says everything that takes memory."""
    return [one for one in outcomes if not one.run.get("not_stated")]


def plain(outcomes):
    """The runs of models that keep keys and values of every token in every layer."""
    kinds = (CacheKind.FULL,)
    return [
        one
        for one in outcomes
        if one.known
        and all(layer.cache and layer.cache.kind in kinds for layer in one.shape.layers)
    ]


def percent(error):
    if error is None:
        return ""
    return f"{100 * error:+.1f} %" if abs(error) < 10 else f"{error:+.0f}×"


def gib(size):
    return "" if size is None else f"{size:.2f}"


def row(one):
    run, measured = one.run, one.measured
    tokens = one.measured_tokens
    serving = run["serving"]
    sizes = f"tp{serving['tp']}" + (f" pp{serving['pp']}" if serving["pp"] > 1 else "")
    rules = one.rules if tokens else {}
    return (
        one.id,
        f"{run['engine']} {run.get('engine_version', '?')}",
        run["model"][:44],
        f"{run['gpus'].get('count', '?')} × {run['gpus'].get('name', '?')}, {sizes}",
        gib(measured.get("weights_gib")),
        gib(one.weights),
        percent(one.weights_error),
        f"{tokens:,.0f}" if tokens else "",
        f"{one.predicted_tokens:,}" if tokens else "",
        percent(one.tokens_error),
        *(percent(rules[name] / tokens - 1) if tokens else "" for name in RULES),
        {True: "runs", False: "not", None: ""}[one.ran],
        {True: "runs", False: "not", None: ""}[one.predicted_to_run],
    )


HEAD = (
    *("run", "engine", "model", "GPUs", "weights GiB", "ours", "error"),
    *("KV tokens", "ours", "error", *RULES, "it", "ours"),
)


@cache
def summary():
    """Name -> (runs, share) of every figure that `docs/memory.md` and the tests hold."""
    figures = {}
    for name, chosen in (("all", outcomes()), ("stated", stated(outcomes()))):
        weights = [one.weights_error for one in chosen if one.weights_error is not None]
        tokens = [one for one in chosen if one.tokens_error is not None]
        fits = [one for one in chosen if one.ran is not None and one.predicted_to_run is not None]
        figures[f"weights within 3 %, {name}"] = (len(weights), within(weights, 0.03))
        for limit in (0.05, 0.10):
            label = f"KV tokens within {limit * 100:.0f} %, {name}"
            figures[label] = len(tokens), within([one.tokens_error for one in tokens], limit)
            for rule in RULES:
                errors = [one.rules[rule] / one.measured_tokens - 1 for one in tokens]
                figures[f"{label}: {rule}"] = len(tokens), within(errors, limit)
        right = sum(one.ran == one.predicted_to_run for one in fits) / len(fits)
        figures[f"fits or not, {name}"] = (len(fits), right)
    return figures


def misses():
    """What is off, and why: run, errors, reason."""
    for one in outcomes():
        limits = (("weights", one.weights_error, 0.03), ("KV tokens", one.tokens_error, 0.05))
        off = [f"{what} {percent(error)}" for what, error, limit in limits if _beyond(error, limit)]
        if one.ran is not None and one.predicted_to_run not in {None, one.ran}:
            off.append("fits or not")
        if off:
            yield one.id, ", ".join(off), one.run.get("why", "no reason found")


def _beyond(error, limit):
    return error is not None and abs(error) > limit


def main(markdown):
    figures = [
        (name, str(count), f"{100 * share:.1f} %") for name, (count, share) in summary().items()
    ]
    tables = (
        (("figure", "runs", "share"), figures),
        (("run", "off by", "why"), list(misses())),
        (HEAD, [row(one) for one in outcomes()]),
    )
    for head, rows in tables:
        if markdown:
            print("| " + " | ".join(head) + " |")
            print("|" + " --- |" * len(head))
            for cells in rows:
                print("| " + " | ".join(cell.replace("|", "/") for cell in cells) + " |")
        else:
            for cells in (head, *rows):
                print("\t".join(cells))
        print()


if __name__ == "__main__":
    main("--markdown" in sys.argv[1:])
