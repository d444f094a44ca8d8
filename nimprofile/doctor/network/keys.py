"""The keys for images and weights: there, and of the form that their issuers give them.

No finding has a key or a part of one, nor its length.
"""

from __future__ import annotations

import base64
import os
import re

from nimprofile.base.enums import Server
from nimprofile.base.errors import ManifestError
from nimprofile.base.formats.text_files import OpenFile
from nimprofile.base.record import Record
from nimprofile.doctor.finding import Finding, Status
from nimprofile.launch.preflight import key_problem
from nimprofile.launch.servers.nim import KEY
from nimprofile.launch.setup import is_path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from nimprofile.doctor.subject import Subject

NGC, HF = "ngc key", "hf token"
CLI_KEY = "NGC_CLI_API_KEY"
"""The variable of NGC's own command line. NIM 2.x reads it before NGC_API_KEY (LLM 2.0.12
environment-variables)."""

PERSONAL, LEGACY = "personal", "legacy"


class Form(Record):
    """What the form of a key says.

    Attributes:
        kind: `personal` (`nvapi-…`, also of a service), `legacy` (base64), "" for no known form.
        problem: what is wrong with it; "" where nothing is.
        refused: NGC is certain to refuse it.
    """

    kind: str
    problem: str = ""
    refused: bool = False


_PERSONAL = re.compile(r"nvapi-[A-Za-z0-9_-]*", re.ASCII)
_LENGTH = len("nvapi-") + 64
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE)
_PLACEHOLDER = re.compile(r"[<{\[].*|\$.*|[xX*]+|.*(?:\.\.\.|…)|.*(?:YOUR|your)[-_ ].*", re.DOTALL)


def form_of(key: str) -> Form:
    """What the form of an NGC key says, without asking anybody.

    A personal key and that of a service is `nvapi-` and 64 letters, digits, `_` and `-`; a legacy
    key is the base64 of a client and a UUID with a colon between (github.com/NVIDIA/
    infra-controller, rest-api/auth, `detectAPIKeyType`).
    """
    bare = key.strip()
    if _PLACEHOLDER.fullmatch(bare.removeprefix("nvapi-")) is not None:
        return Form("", "it is a placeholder and no key", refused=True)
    if bare != key:
        told = "it has white space around it, which is sent with it"
        return Form(form_of(bare).kind, told, refused=True)
    if key[:1] in "\"'" and key[:1] == key[-1:]:
        told = "it has quotation marks around it, which are sent with it"
        return Form(form_of(key[1:-1]).kind, told, refused=True)
    if key.startswith("hf_"):
        return Form("", "it is a token of Hugging Face's", refused=True)
    if key.startswith("nvapi-"):
        if _PERSONAL.fullmatch(key) is None:
            return Form(PERSONAL, "it has characters that no such key has")
        if len(key) != _LENGTH:
            than = "shorter" if len(key) < _LENGTH else "longer"
            return Form(PERSONAL, f"it is {than} than such keys are: it was not copied whole")
        return Form(PERSONAL)
    if _is_legacy(key):
        return Form(LEGACY)
    return Form("", "it is of no form that NGC's keys have (nvapi-…, or base64)")


def _is_legacy(key: str) -> bool:
    try:
        decoded = base64.b64decode(key, validate=True).decode("ascii")
    except ValueError:
        return False
    client, _, tail = decoded.partition(":")
    return bool(client) and _UUID.fullmatch(tail) is not None


def ngc_key(subject: Subject) -> Iterator[Finding]:
    """The key for the image and the weights of a NIM."""
    if subject.plan is not None and subject.plan.server is not Server.NIM:
        told = f"{subject.plan.server} needs no key of NGC's"
        yield Finding(NGC, Status.SKIPPED, told)
        return
    yield from ngc_key_findings(subject.environ)


def ngc_key_findings(environ: Mapping[str, str]) -> Iterator[Finding]:
    """Whether the key is set, of a form that NGC gives, and the only one.

    Args:
        environ: the variables that the NIM will see.
    """
    key, other = environ.get(KEY, ""), environ.get(CLI_KEY, "")
    if other.strip() and key.strip() and other != key:
        yield Finding(
            NGC,
            Status.WARNING,
            f"{KEY} and {CLI_KEY} are two different keys: NIM 2.x takes that of {CLI_KEY}, "
            f"NIM 1.x that of {KEY}",
            fix=f"unset {CLI_KEY}, or give both the same key",
        )
    if not key.strip():
        problem = key_problem(environ)
        if problem is not None:
            more = f", though {CLI_KEY} is" if other.strip() else ""
            yield Finding(NGC, Status.WARNING, problem.problem + more, fix=problem.fix)
        return
    form = form_of(key)
    if form.problem:
        status = Status.FAILED if form.refused else Status.WARNING
        fix = f"set {KEY} without them" if "around it" in form.problem else _NEW
        yield Finding(NGC, status, f"{KEY} is set, and {form.problem}", fix=fix)
    elif form.kind == LEGACY:
        yield Finding(
            NGC,
            Status.WARNING,
            f"{KEY} is a legacy key (base64), with which newer NIMs are known to fail at the "
            "download (github.com/NVIDIA-NeMo/Guardrails/pull/1916)",
            fix=_NEW,
        )
    else:
        yield Finding(NGC, Status.OK, f"{KEY} has the form of a personal or service key (nvapi-…)")


_NEW = "make a personal key with the service NGC Catalog: org.ngc.nvidia.com/setup/api-keys"
"""docs.nvidia.com/nim/maxine/eye-contact/latest/getting-started.html: "ensure that at least NGC
Catalog is selected"."""

TOKENS = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")
"""The variables of a token, the first that counts first (huggingface_hub, "Environment
variables")."""


def hf_token(subject: Subject) -> Iterator[Finding]:
    """The token for weights that come from Hugging Face."""
    job = subject.job
    if job is None:
        yield Finding(HF, Status.SKIPPED, "whether weights come from Hugging Face is not known")
    elif not job.model or is_path(job.model):
        yield Finding(HF, Status.SKIPPED, "no weights come from Hugging Face")
    else:
        yield hf_token_finding(subject.environ)


def hf_token_finding(environ: Mapping[str, str]) -> Finding:
    """Whether there is a token, and of the form that Hugging Face gives."""
    found = token_of(environ)
    if found is None:
        told = f"{TOKENS[0]} is not set: enough for weights that are public and not gated"
        return Finding(HF, Status.OK, told)
    token, where = found
    if token.strip() != token:
        told = f"{where} has white space around it, which is sent with it"
        return Finding(HF, Status.FAILED, told, fix="set it without")
    if _HF.fullmatch(token) is None:
        told = f"{where} has not the form of a token of Hugging Face's (hf_…)"
        return Finding(HF, Status.WARNING, told, fix="make one: huggingface.co/settings/tokens")
    return Finding(HF, Status.OK, f"{where} has the form of a token (hf_…)")


_HF = re.compile(r"hf_[A-Za-z0-9]{17,}", re.ASCII)
_MOST = 1 << 12


def token_of(environ: Mapping[str, str]) -> tuple[str, str] | None:
    """The token that huggingface_hub takes, and where it is from; None where there is none.

    The variables, then the file HF_TOKEN_PATH, which is `token` in HF_HOME unless it is set
    (huggingface_hub, "Environment variables").
    """
    for name in TOKENS:
        if value := environ.get(name, ""):
            return value, name
    home = environ.get("HF_HOME") or os.path.join(
        environ.get("XDG_CACHE_HOME") or os.path.join(environ.get("HOME", "/"), ".cache"),
        "huggingface",
    )
    path = environ.get("HF_TOKEN_PATH") or os.path.join(home, "token")
    try:
        with OpenFile(path) as file:
            text = file.read(_MOST).decode(errors="replace")
    except ManifestError:
        return None
    token = text.replace("\n", "").replace("\r", "").strip()  # as huggingface_hub reads the file
    return (token, "the token in the file of huggingface_hub") if token else None
