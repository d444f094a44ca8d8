"""The public listings and start-up logs of `corpus/cases`: as manifests, machines and decisions."""

import json
import re

from nimprofile import (
    Inventory,
    Manifest,
    Pin,
    Request,
    Serving,
    mock_inventory,
    parse_manifest,
    plain_shape,
    select,
)
from nimprofile.manifest.profile_conditions import parse_tags
from nimprofile.manifest.profile_names import parse_name
from tests.support.paths import CORPUS

PATHS = sorted((CORPUS / "cases").glob("*.json"))
FORMS = ("printout", "tags")
"""How a case is read: as it was printed, memory figures included, or from the tags alone."""


def load(path):
    return json.loads(path.read_text(encoding="utf-8"))


def id_of(row, number):
    """A row whose id the source cuts short or leaves out gets one that nothing else has."""
    return row["id"] or f"{row.get('id_prefix', '')}{number:056x}"[:64]


def manifest_of(case, form="printout"):
    """The case as a printout, and what has no name in it as a manifest of tags; or all as tags.

    A printout has the banner that the source prints; a manifest has the release as NIM's own have.
    """
    rows = list(enumerate(case["profiles"]))
    printed = [
        (number, row)
        for number, row in rows
        if form == "printout" and row["name"] and "|" not in row["name"]
    ]
    lines = [
        f"- {id_of(row, number)} ({row['name']}) {row.get('requirement', '')}".rstrip()
        for number, row in printed
    ]
    tagged = [_tagged(row, number, form) for number, row in rows if (number, row) not in printed]
    parts = []
    if lines:
        banner = [line for line in case.get("log", []) if "NIM Version" in line]
        heading = "- Compatible with system and runnable:"
        parts.append(parse_manifest("\n".join([*banner, "MODEL PROFILES", heading, *lines])))
    if tagged:
        release = re.match(r"\d+\.\d+\.\d+", case.get("nim_version") or "")
        head = {"release": release[0]} if release else {}
        parts.append(parse_manifest(json.dumps(head | {"profiles": tagged})))
    profiles = tuple(profile for part in parts for profile in part.profiles)
    shape = plain_shape(**case["model_shape"]) if "model_shape" in case else None
    if not parts:
        return Manifest(profiles, model_shape=shape)
    return parts[0].replace(profiles=profiles, model_shape=shape)


def _tagged(row, number, form):
    name = row["name"]
    tags = row.get("tags") or (parse_name(name).tags if name else {})
    stated = {}
    if form == "printout" and "requires_bytes" in row:
        stated = {"memory_gib_per_gpu": row["requires_bytes"] / 2**30}
    return {"id": id_of(row, number), "name": name, "tags": dict(tags), "requires": stated}


def machine_of(machine):
    inventory = mock_inventory(machine["gpus"])
    gpus = list(inventory.gpus)
    for at, used in enumerate(machine.get("used_percent", [])):
        total = gpus[at].memory_total_mib
        gpus[at] = gpus[at].replace(memory_free_mib=total * (100 - used) // 100)
    for at, free in enumerate(machine.get("free_mib", [])):
        gpus[at] = gpus[at].replace(memory_free_mib=free)
    if machine.get("unknown_memory"):
        gpus = [gpu.replace(memory_total_mib=None, memory_free_mib=None) for gpu in gpus]
    return Inventory(tuple(gpus))


def decide(case, machine=None, *, pin=None, form="printout", policy=None):
    wishes = case.get("request", {})
    request = Request(
        pin=None if pin is None else Pin(pin),
        tags=parse_tags(wishes.get("tags", ""), "case"),
        relax_memory=wishes.get("relax_memory", False),
        allow_unsafe=wishes.get("allow_unsafe", False),
        serving=Serving(max_model_len=wishes.get("max_model_len")),
    )
    machine = machine_of(machine or case["machine"])
    return select(manifest_of(case, form), machine, request, policy or case["policy"])


def grades_of(case, **how):
    """For every row whose group the source printed: it, what was listed, what we say."""
    decision = decide(case, **how)
    ours = {each.profile.id: each.grade for each in (*decision.ranked, *decision.rejected)}
    return [
        (row, row["listed"], ours[id_of(row, number)])
        for number, row in enumerate(case["profiles"])
        if "listed" in row
    ]


def selects_as(case, expected, **how):
    """Whether we select what the source says: nothing, a profile, or one with these tags."""
    if expected is None:
        return not case["profiles"] or decide(case, **how).selected is None
    if "gpus" in expected:
        chosen = decide(case, {"gpus": expected["gpus"]}, **how).selected
        return chosen is not None and expected["name"] == chosen.profile.name
    if "profile" not in expected:
        chosen = decide(case, **how).selected
        tags = {"llm_engine": expected["engine"]} if "engine" in expected else expected["tags"]
        return chosen is not None and tags.items() <= chosen.profile.tags.items()
    id_ = id_of(case["profiles"][expected["profile"]], expected["profile"])
    decision = decide(case, pin=id_ if expected["pinned"] else None, **how)
    return decision.selected is not None and id_ == decision.selected.profile.id


def is_a_choice(case, expected, **how):
    """Whether several profiles could have been selected, by the source or by us."""
    machine = {"gpus": expected["gpus"]} if expected and "gpus" in expected else None
    listed = [
        row
        for row in case["profiles"]
        if row.get("listed") == "runnable" and row.get("tags", {}).get("feat_lora") != "true"
    ]
    return max(len(listed), len(decide(case, machine, **how).ranked)) > 1


def selections_of(case):
    """What the source says was selected: by a log, or on each of several machines by a table."""
    return [*([case["selected"]] if "selected" in case else []), *case.get("selections", [])]


def orders_of(case, **how):
    """For each group of a listing in its order: the names as listed, and as we rank them."""
    decision = decide(case, **how)
    for grade in ("runnable", "low memory"):
        for lora in (False, True):
            ours = [
                verdict.profile.name
                for verdict in (*decision.ranked, *decision.rejected)
                if verdict.grade == grade and bool(verdict.profile.lora) is lora
            ]
            listed = [
                row["name"]
                for row in case["profiles"]
                if row.get("listed") == grade
                and (parse_name(row["name"]).tags.get("feat_lora") == "true") is lora
            ]
            if listed:
                yield listed, ours


def disagreement(part, form):
    """The heading of `docs/conformance.md` that says why we differ; None where we agree."""
    only = part.get("disagreement_from_tags") if form == "tags" else None
    return part.get("disagreement") or only
