"""What a NIM tells: which profile it runs, its version, its manifest, whether it is ready.

"Management Endpoints" of docs.nvidia.com/nim/large-language-models/2.0.6/reference/api-reference
(`/v1/metadata`, `/v1/version`, `/v1/manifest`, `/v1/metrics`, `/v1/health/ready`); the fields of
`/v1/metadata` from docs.nvidia.com/nim/alpamayo/api-reference/metadata-v-1-metadata-get
(`selectedModelProfileId`, `version`, `modelInfo`) and, where it has no profile,
docs.nvidia.com/nim/llama-3-1-nemoguard-8b-contentsafety/1.10.1 of the same name; those of
`/v1/version` (`release`) from .../version-v-1-version-get; the answer of `/v1/health/ready` from
docs.nvidia.com/nim/vision-language-models/1.3.0/api-reference.
"""

from __future__ import annotations

from nimprofile.verify.observation import Fact

TYPE_CHECKING = False
if TYPE_CHECKING:
    from nimprofile.verify.servers.interview import Interview

METADATA, VERSION = "/v1/metadata", "/v1/version"
READY, MANIFEST = "/v1/health/ready", "/v1/manifest"
SELECTED = "selectedModelProfileId"
MOST = 64
"""Models of one NIM that are looked at."""


def is_nim(interview: Interview) -> bool:
    """Whether this is a NIM, by its metadata or, while it starts, by its health."""
    metadata = interview.json(METADATA)
    if isinstance(metadata, dict) and {"modelInfo", "licenseInfo", "assetInfo"} & metadata.keys():
        return True
    return _is_health(interview)


def _is_health(interview: Interview) -> bool:
    """Whether the answer on health is a NIM's, which has an object of that name."""
    from nimprofile.base.web.faults import WebError

    answer = interview.answer(READY)
    if answer is None or answer.status not in {200, 503}:
        return False
    try:
        body = answer.json()
    except WebError:  # another server's
        return False
    return isinstance(body, dict) and "health" in str(body.get("object", ""))


def tell(interview: Interview) -> None:
    """The profile, the version, the manifest and whether it is ready."""
    interview.server = "nim"
    _tell_metadata(interview)
    release = interview.json(VERSION)
    if isinstance(release, dict):
        interview.tell_name(Fact.NIM_VERSION, release.get("release"), VERSION, "release")
    interview.tell_ready(READY, 503)
    _tell_manifest(interview)


def _tell_metadata(interview: Interview) -> None:
    metadata = interview.json(METADATA)
    if not isinstance(metadata, dict):
        return
    interview.tell_name(Fact.NIM_VERSION, metadata.get("version"), METADATA, "version")
    interview.tell_name(Fact.PROFILE_ID, metadata.get(SELECTED), METADATA, SELECTED)
    models = metadata.get("modelInfo")
    named = isinstance(metadata.get(SELECTED), str)
    for at, model in enumerate(models[:MOST] if isinstance(models, list) else ()):
        if isinstance(model, dict) and SELECTED in model:
            place = f"modelInfo[{at}].{SELECTED}"
            interview.tell_name(Fact.PROFILE_ID, model[SELECTED], METADATA, place)
            named = True
    if not named:
        interview.note(f"{METADATA} of this NIM does not name the profile that it runs")


def _tell_manifest(interview: Interview) -> None:
    text = interview.text(MANIFEST)
    if text is not None:
        from nimprofile.manifest.dialects.manifest_body import unwrapped

        interview.manifest = unwrapped(MANIFEST, text)[1]
