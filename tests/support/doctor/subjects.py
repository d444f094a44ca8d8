"""Hosts for the checks of the doctor, with and without something to start."""

from __future__ import annotations

import os

from nimprofile import Request, Setup, job_of, mock_inventory, parse_manifest, select
from nimprofile.doctor.subject import Subject
from nimprofile.launch.planning import plan_of
from tests.support.launch.cases import manifest_text


def host(environ=None, *, setup=None, **fields):
    """A host without anything to start; the user of the server is the one of the tests."""
    fields = {"uid": os.geteuid(), "seconds": 5.0} | fields
    return Subject(environ or {}, setup=setup or Setup(), **fields)


def served(server="vllm", machine="1xh100", environ=None, *, engine=None, tags=None, **setup):
    """A host that is to start Llama 3.1 8B with this server."""
    fields = {key: setup.pop(key) for key in [*setup] if key in Subject._fields}
    tags = {"tp": machine[0]} | (tags or {})
    manifest = parse_manifest(
        manifest_text(engine or ("vllm" if server == "nim" else server), tags)
    )
    request = Request(lora="feat_lora" in tags)
    decision = select(manifest, mock_inventory(machine), request)
    job = job_of(decision, manifest, Setup(server, **setup))
    fields = {"uid": os.geteuid(), "seconds": 5.0} | fields
    return Subject(
        {"HF_HOME": "/nowhere"} | (environ or {}),
        setup=job.setup,
        inventory=decision.inventory,
        manifest=manifest,
        decision=decision,
        job=job,
        plan=plan_of(job),
        **fields,
    )


def told(findings):
    """Each finding as its status and its words."""
    return [(str(each.status), each.finding) for each in findings]
