"""The schemas of a decision (`select`, `list`, `explain`) and of the explanation of a profile."""

from __future__ import annotations

from nimprofile.report.schemas.advisories import advisory_definitions
from nimprofile.report.schemas.inventory import inventory_schema
from nimprofile.report.schemas.terms import (
    document,
    indices,
    mapping,
    obj,
    of_record,
    or_null,
    ref,
    several,
    text,
    texts,
    truth,
    whole,
)
from nimprofile.report.to_json import DECISION_VERSION
from nimprofile.selection.ranking.generation import ASKED, DOCUMENTED, TOLD
from nimprofile.selection.verdict import GRADES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from nimprofile.report.schemas.terms import Schema

_ID = text("the profile's id in its manifest")
_NAME = text("what the profile is called, as `list` prints it")
_GRADE = text("what the machine says of the profile", *GRADES)
_TAGS = mapping("the profile's tags as they were read", {"type": "string"})
_TAKEN = indices("the indices of the GPUs it would take")
_REASONS = several("why it does not run as asked", ref("Reason"))
_WAIVED = several("the reasons that a switch or the pin sets aside", ref("Reason"))


def decision_schema() -> Schema:
    """The JSON Schema of a decision."""
    made = document(
        "Decision",
        "What would run on a machine, and why: `nimprofile select --json`, `list --json`, and "
        "`explain --json` without a profile.",
        DECISION_VERSION,
        selected=or_null(ref("Selected", "the profile that would run; null when none does")),
        pinned=or_null(
            obj(
                "the profile that was asked for by its id or name; null without a pin",
                value=text("what was given"),
                source=text("the flag or the variable it was given by"),
                id=_ID,
                honoured=truth("whether it would run"),
                reasons=_REASONS,
                waived=_WAIVED,
            )
        ),
        policy=text("the name of the policy that ranked the candidates"),
        policy_origin=obj(
            "why it is this policy",
            kind=text(
                "whether somebody named it, something tells that it is that of the NIM at hand, or "
                "nothing does",
                *(ASKED, TOLD, DOCUMENTED),
            ),
            source=text("what tells it, or what is missing; empty when it was asked for"),
            message=text("the policy and why it is this one, in words"),
        ),
        deciding=or_null(
            obj(
                "what decided between the best and the second; null with one candidate or a pin",
                criterion=text("the name of the criterion"),
                prefers=text("what it prefers, in words"),
                over=text("the id of the second"),
                better=text("what the best has to show at it"),
                worse=text("what the second has to show"),
            )
        ),
        ranked=several("the candidates, best first", ref("Ranked")),
        rejected=several("the other profiles, each with its reasons", ref("Rejected")),
        if_answered=or_null(
            ref("Ranked", "what would run if every GPU answered; null when nothing else would")
        ),
        otherwise=or_null(
            ref("Ranked", "what would run without --require; null when nothing else would")
        ),
        passed_over=several(
            "the best candidates, as far as they cannot be started from what is here",
            obj(
                "a candidate that is passed over",
                id=_ID,
                profile=_NAME,
                problem=text("what keeps it from being started, and what would do, in words"),
            ),
        ),
        warnings=texts("what the operator should know, in sentences"),
        notes=several(
            "the variables that are set and not used as they stand",
            obj(
                "a variable and what becomes of it",
                kind=text("the kind of the note"),
                variable=text("the variable's name"),
                message=text("the same in words"),
            ),
        ),
        inventory=ref("Inventory", "the machine that was decided for"),
    )
    made["$defs"] = {
        "Selected": _selected(),
        "Ranked": obj("A candidate.", id=_ID, name=_NAME, grade=_GRADE, gpus=_TAKEN),
        "Rejected": obj("A profile that is no candidate.", **_verdict()),
        **_definitions(),
        **_inventory(),
    }
    return made


def explanation_schema() -> Schema:
    """The JSON Schema of the explanation of one profile."""
    made = document(
        "Explanation",
        "The story of one profile: `nimprofile explain PROFILE --json`.",
        DECISION_VERSION,
        **_verdict(),
        tags=_TAGS,
        computed_id=or_null(text("the id that the tags give; null when they are from a name")),
        gpus=_TAKEN,
        waived=_WAIVED,
        doubts=texts("what could not be judged, because a figure is unknown"),
        memory=or_null(ref("Memory")),
        advisories=several("the known issues of it on these GPUs", ref("Advisory")),
        possible_advisories=several(
            "the known issues that it may have; what would tell is not known",
            obj(
                "an issue that it may have",
                id=text("the id of the advisory"),
                unknown=texts("what is not known, in words"),
            ),
        ),
        choice=or_null(ref("Choice")),
        candidate=or_null(whole("its place among the candidates, from 1; null for none", 1)),
        beaten=or_null(
            obj(
                "the candidate that is better; null for the best, and for none",
                by=text("the id of the best candidate"),
                criterion=text("the name of the criterion that decided"),
                prefers=text("what it prefers, in words"),
            )
        ),
    )
    made["$defs"] = _definitions()
    return made


def _verdict() -> dict[str, Schema]:
    return {
        "id": _ID,
        "name": _NAME,
        "grade": _GRADE,
        "reasons": _REASONS,
        "elsewhere": several("the reasons of the other products of the machine", ref("Reason")),
        "remedies": texts("what to change so that it runs, in sentences"),
    }


def _selected() -> Schema:
    return obj(
        "The profile that would run.",
        id=_ID,
        name=_NAME,
        tags=_TAGS,
        gpus=_TAKEN,
        grade=_GRADE,
        memory=or_null(ref("Memory")),
        choice=or_null(ref("Choice")),
        advisories=several("the known issues of it on these GPUs", ref("Advisory")),
        cuda_visible_devices=or_null(
            text("the value of CUDA_VISIBLE_DEVICES for these GPUs; null when CUDA cannot name one")
        ),
        cuda_device_order=or_null(
            text("the value of CUDA_DEVICE_ORDER that goes with it; null when it does not matter")
        ),
    )


def _definitions() -> dict[str, Schema]:
    """What decisions and explanations have in common."""
    choice, links = _choice()
    return {
        "Memory": obj(
            "What the profile needs of each GPU. Bytes.",
            full_bytes=whole("bytes for the whole context that is asked for"),
            least_bytes=whole("bytes below which it cannot start"),
            source=text("where the figures are from, in words"),
            estimated_bytes=or_null(
                whole("bytes as estimated from the model's shape; null without one")
            ),
            max_model_len=or_null(
                whole("the longest context that fits, in tokens; null without the model's shape")
            ),
        ),
        "Choice": choice,
        **links,
        **advisory_definitions(),
        **reasons(),
    }


def _choice() -> tuple[Schema, dict[str, Schema]]:
    from nimprofile.selection.placement import By, Choice

    by = text("by what the GPUs taken differ from those passed over last", *By)
    made, definitions = of_record(Choice, by=by)
    made["properties"]["message"] = text("the same in words")
    made["required"].append("message")
    return made, definitions


_FIGURES = {
    "need_bytes": "bytes that are needed of each GPU",
    "have_bytes": "bytes that there are of the GPU that has least",
    "max_model_len": "the longest context that fits, in tokens; null when it is not known",
    "asked": "the context that was asked for, in tokens; null for the model's full one",
    "source": "where the figure that is needed is from, in words",
    "free_mib": "MiB that are free of the GPU",
    "total_mib": "MiB of the GPU",
    "gate": "the fraction that must be free",
    "gpus": "the indices of the GPUs that it is about",
    "missing": "the indices of GPUs that are there and cannot be used",
    "need": "what is needed",
    "have": "what there is; null when there is none",
    "wanted": "what is asked for",
    "tag": "the tag that it is about",
    "relation": "how the tag must compare with what is asked for",
    "engine": "the profile's engine",
    "available": "the engines that there are",
    "precision": "the profile's precision",
    "product": "the product that is counted",
    "products": "the products of the machine",
    "what": "what cannot be divided",
    "number": "how many of it there are",
    "by": "what it is divided among, or the variable that wants it",
    "divisor": "how many of those there are",
    "default": "the value that this NIM takes unasked",
    "device_id": "the PCI id that the GPUs report, where the profile names one; else null",
    "unread": "why its pattern of names was not searched; empty when it was",
}
"""The figures of reasons, by the names of their fields."""


def reasons() -> dict[str, Schema]:
    """`Reason`, and a definition for each kind of one, made of its class."""
    from typing import get_args

    from nimprofile.selection.reasons import Reason

    found: dict[str, Schema] = {}
    kinds = get_args(Reason)
    for kind in kinds:
        made, definitions = of_record(kind, kind={"const": kind.kind, "description": "its kind"})
        for name, value in made["properties"].items():
            if "description" not in value and name in _FIGURES:
                value["description"] = _FIGURES[name]
        made["properties"]["message"] = text("the same in words")
        made["required"].append("message")
        found |= {kind.__name__: made, **definitions}
    of_kinds = {"oneOf": [ref(kind.__name__) for kind in kinds]}
    return {"Reason": {"description": "Why a profile does not run.", **of_kinds}, **found}


def _inventory() -> dict[str, Schema]:
    """The definitions of an inventory in a decision."""
    made = inventory_schema()
    definitions: dict[str, Schema] = made.pop("$defs")
    del made["$schema"]
    return {"Inventory": made, **definitions}
