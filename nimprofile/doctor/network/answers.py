"""What the answers of NGC and Hugging Face mean for a key, and what to do."""

from __future__ import annotations

from nimprofile.base.web.faults import Fault
from nimprofile.doctor.finding import Finding, Status

TYPE_CHECKING = False
if TYPE_CHECKING:
    from nimprofile.base.web.faults import WebError

CHECK = "online"

_NEW_KEY = "make a new one, with the service NGC Catalog: org.ngc.nvidia.com/setup/api-keys"
_UNPAID = (
    "wants to be paid: the organisation of this key has no NVIDIA AI Enterprise subscription, or "
    "it has ended"
)
_NO_RIGHT = (
    "let its owner give it the service NGC Catalog, and accept the terms on the page of the image: "
    "catalog.ngc.nvidia.com"
)
_REFUSED = {
    401: ("does not accept the key: it is wrong, revoked or expired", _NEW_KEY),
    402: (_UNPAID, "renew the subscription, or use a key of an organisation that has one"),
    403: ("knows the key, which has not the right to this", _NO_RIGHT),
    451: (
        "gives it to nobody in this country",
        "see the terms on its page: catalog.ngc.nvidia.com",
    ),
}
"""What a status means, and what to do. 402 as Docker, Podman and containerd report it of nvcr.io:
github.com/NVIDIA/k8s-nim-operator/issues/491, NVIDIA-AI-Blueprints/3d-guided-genai-rtx/issues/6;
451: NVIDIA-AI-Blueprints/video-search-and-summarization/issues/1470."""

_HUGGING_FACE = "make a new token: huggingface.co/settings/tokens"


def of_status(what: str, status: int, *, expired: bool) -> Finding:
    """What a status says of a key.

    Args:
        what: who answered, for the words.
        status: of the answer.
        expired: the text of the answer has that word, as Hugging Face's has ("User Access Token …
            is expired").
    """
    if status == 200:
        return Finding(CHECK, Status.OK, f"{what} accepts the key")
    if status in {400, 401} and expired:
        fix = _NEW_KEY if what == "NGC" else _HUGGING_FACE
        told = f"{what} says that the key has expired (status {status})"
        return Finding(CHECK, Status.FAILED, told, fix=fix)
    if (known := _REFUSED.get(status)) is not None:
        told, fix = known
        fix = _HUGGING_FACE if what == "Hugging Face" else fix
        return Finding(CHECK, Status.FAILED, f"{what} {told} (status {status})", fix=fix)
    if status == 429:
        told = f"{what} has been asked too often (status 429)"
        return Finding(CHECK, Status.UNKNOWN, told, fix="try again later")
    if status >= 500:
        told = f"{what} has trouble of its own (status {status})"
        return Finding(CHECK, Status.UNKNOWN, told, fix="try again later")
    told = f"{what} answers with status {status}, which says nothing of the key"
    return Finding(CHECK, Status.UNKNOWN, told)


_NO_NETWORK = frozenset({Fault.NAME, Fault.REFUSED, Fault.UNREACHABLE, Fault.TIMEOUT})


def no_answer(what: str, error: WebError) -> Finding:
    """That nobody answered, and whether it is the network, TLS or what is in between."""
    if error.fault is Fault.TLS:
        fix = "name the certificate of a proxy in between: SSL_CERT_FILE"
    elif error.fault is Fault.PROXY:
        fix = "look at https_proxy and no_proxy"
    elif error.fault in _NO_NETWORK:
        fix = "let this host reach it, or set https_proxy; a filled cache needs no network"
    else:
        fix = "see what is between: a proxy, or a portal that wants a login"
    none = "there is no network to it" if error.fault in _NO_NETWORK else "it cannot be asked"
    return Finding(CHECK, Status.UNKNOWN, f"{what}: {none}: {error}", fix=fix)
