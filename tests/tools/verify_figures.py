"""Of the public logs and listings, how much `verify` proves, contradicts and cannot observe.

`python -m tests.tools.verify_figures` prints the tables of `docs/verify.md`; with `--write` it puts
them there. Each log is held to its own case: that of a NIM to the profile that its source says was
selected, or that we select where no source says it; that of an engine to the flags of its start.
"""

from __future__ import annotations

import json
import re
import sys
from collections import Counter

from nimprofile.base.enums import Precision
from nimprofile.manifest.profile_conditions import Condition
from nimprofile.verify.expectation import expectation_of_conditions
from nimprofile.verify.gathering import Gathering
from nimprofile.verify.implied import implied
from nimprofile.verify.judgement import Outcome, verification_of
from nimprofile.verify.logs.reader import observations
from tests.support.cases import PATHS, decide, id_of, load, manifest_of
from tests.support.paths import CORPUS, DOCS
from tests.tools.memory_runs import RUNS


def _logs(name):
    text = (CORPUS / "logs" / name).read_text("utf-8")
    return {row["id"]: row["log"] for row in map(json.loads, text.splitlines())}


NIM_LOGS, ENGINE_LOGS = _logs("nim.jsonl"), _logs("engines.jsonl")


def held(expectation, log, manifest=None):
    """What a log says of an expectation."""
    gathering = Gathering()
    for each in observations(log, "log"):
        gathering.add(each)
    seen = [*gathering.settled()]
    return verification_of(expectation, seen, implied(seen, manifest))


def of_case(path):
    """The verification of a NIM's listing or log; None where nothing runs."""
    case, number = load(path), path.name[:3]
    profile, manifest = _profile(case)
    if profile is None:
        return None
    return held(_expectation_of_profile(profile), NIM_LOGS.get(number, ()), manifest)


def _expectation_of_profile(profile):
    """What a profile alone demands of the server that serves it."""
    values = {
        "id": profile.id,
        "llm_engine": profile.engine,
        "precision": profile.precision,
        "tp": profile.tp,
        "pp": profile.pp,
    }
    return expectation_of_conditions(
        [Condition(tag, "=", str(value)) for tag, value in values.items() if value is not None]
    )


def _profile(case):
    """The profile that was selected, by the source or else by us; and its manifest."""
    if not case["profiles"]:
        return None, None
    manifest = manifest_of(case, "tags")
    selected = case.get("selected")
    if selected is not None and "profile" in selected:
        wanted = id_of(case["profiles"][selected["profile"]], selected["profile"])
        return next(each for each in manifest.profiles if each.id == wanted), manifest
    if "machine" not in case:
        return None, None
    chosen = decide(case, form="tags").selected
    return (None if chosen is None else chosen.profile), manifest


def of_run(run):
    """The verification of an engine's log, by the flags that it was started with."""
    serving = run["serving"]
    flags = {
        "engine": run["engine"],
        "tp": serving.get("tp"),
        "pp": serving.get("pp"),
        "max_model_len": serving.get("max_model_len"),
        "kv_cache_dtype": serving.get("kv_cache_dtype"),
        "precision": run["weights"] if run["weights"] in {*Precision} else None,
    }
    version = run.get("engine_version") or ""
    if re.fullmatch(r"\d+\.\d+\.\d+(\.?(post|rc)\d+)?", version):
        flags["engine_version"] = version
    conditions = [
        Condition(tag, "=", str(value)) for tag, value in flags.items() if value is not None
    ]
    return held(expectation_of_conditions(conditions), ENGINE_LOGS.get(run["id"], ()))


def rows():
    """(where, its name, its verification or None) of every case and every run."""
    for path in PATHS:
        yield "NIM", path.stem, of_case(path)
    for run in RUNS:
        name = f"{run['id']} {run['engine']} {run.get('engine_version') or ''}".strip()
        yield "engine", f"{name}, {run['model']}", of_run(run)


def tables():
    """The totals, and a row for each case."""
    totals, lines = Counter(), []
    for where, name, found in rows():
        totals[where, "logs"] += 1
        if found is None:
            lines.append(f"| {name} | – | – | – | nothing is selected |")
            continue
        counts = [len(found.of(outcome)) for outcome in Outcome]
        for outcome, count in zip(Outcome, counts, strict=True):
            totals[where, outcome] += count
        against = ", ".join(str(each.demand) for each in found.of(Outcome.CONTRADICTED))
        lines.append(f"| {name} | {' | '.join(map(str, counts))} | {against} |")
    head = (
        "| held to | cases | proven | contradicted | not observable |\n| --- " + "| --- " * 4 + "|"
    )
    summary = [
        f"| {words} | {totals[where, 'logs']} | "
        + " | ".join(str(totals[where, outcome]) for outcome in Outcome)
        + " |"
        for where, words in (
            ("NIM", "the selected profile: listings and logs of NIMs"),
            ("engine", "the flags of the start: logs of engines"),
        )
    ]
    each = "| case | proven | contradicted | not observable | contradicted |\n| --- " + "| --- " * 4
    return "\n".join([head, *summary]), "\n".join([f"{each}|", *lines])


def written(text):
    """The text of the page with the new tables in the places of its own."""
    for begins, table in zip(("held to", "case"), tables(), strict=True):
        text = re.sub(
            rf"^\| {begins} \|.*?(?=\n\n|\n*\Z)",
            lambda _, new=table: new,
            text,
            count=1,
            flags=re.DOTALL | re.MULTILINE,
        )
    return text


if __name__ == "__main__":
    if sys.argv[1:] == ["--write"]:
        page = DOCS / "verify.md"
        page.write_text(written(page.read_text("utf-8")), "utf-8")
    else:
        print("\n\n".join(tables()))
