"""Whether NGC and Hugging Face accept the keys: asked over the network, where that is wanted.

The answers of several statuses are told apart: a key that is wrong, revoked or expired (401), a
subscription that has ended (402), a key that lacks the right (403), a country (451), their own
trouble (5xx), and no network at all. Their texts are never repeated: they may have the key.
"""

from __future__ import annotations

from nimprofile.base.enums import Server
from nimprofile.base.printable import quoted
from nimprofile.base.record import Record
from nimprofile.base.web.addresses import address_of
from nimprofile.base.web.faults import WebError
from nimprofile.doctor.finding import Finding, Status
from nimprofile.doctor.network.answers import CHECK, no_answer, of_status
from nimprofile.doctor.network.keys import CLI_KEY, LEGACY, form_of, token_of
from nimprofile.launch.downloads import is_offline
from nimprofile.launch.servers.nim import KEY
from nimprofile.launch.setup import is_path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from dataclasses import KW_ONLY

    from nimprofile.base.web.client import Limits
    from nimprofile.doctor.subject import Subject


class Hosts(Record):
    """Who is asked; another address is for tests.

    Attributes:
        keys: about a personal or service key: `POST /v3/keys/get-caller-info`, its form field
            `credentials` (github.com/opendatahub-io/odh-model-controller,
            internal/controller/nim/handlers; github.com/NVIDIA/infra-controller, rest-api/auth).
        tokens: about a legacy key: `GET /token?service=ngc` with it as the password of
            `$oauthtoken` (github.com/NVIDIA/tao_front_end_services, api/auth_utils).
        registry: about an image: `GET /proxy_auth?scope=repository:…:pull`, then its manifest
            (odh-model-controller, internal/controller/utils/nim.go).
        models: about a token: `GET /api/whoami-v2`, and `GET /api/models/…/auth-check`
            (huggingface_hub, `HfApi.whoami` and `HfApi.auth_check`).
    """

    _: KW_ONLY
    keys: str = "https://api.ngc.nvidia.com"
    tokens: str = "https://authn.nvidia.com"
    registry: str = "https://nvcr.io"
    models: str = "https://huggingface.co"


def online(subject: Subject) -> Iterator[Finding]:
    """What NGC and Hugging Face say to the keys, where `--online` lets them be asked."""
    if not subject.online:
        yield Finding(CHECK, Status.SKIPPED, "nobody is asked without --online")
        return
    job, setup = subject.job, subject.setup
    is_nim = job is None or job.server is Server.NIM
    model = None if job is None or not job.model or is_path(job.model) else job.model
    yield from online_findings(
        subject.environ,
        seconds=subject.seconds,
        nim=is_nim,
        image=setup.image if is_nim else None,
        model=model,
    )


def online_findings(
    environ: Mapping[str, str],
    *,
    seconds: float,
    nim: bool = True,
    image: str | None = None,
    model: str | None = None,
    hosts: Hosts | None = None,
) -> Iterator[Finding]:
    """What is said to the keys of an environment.

    Args:
        environ: with the keys, and with the variables of proxies.
        seconds: that all of it may take.
        nim: NGC's key is needed.
        image: that is pulled; asked about where it is one of nvcr.io.
        model: the name of weights on Hugging Face; None where none come from there.
        hosts: who is asked.
    """
    questions = 1 + 2 * (image is not None) if nim else 0
    questions += 2 * (model is not None)
    asking = _Asking(environ, hosts or Hosts(), 0.9 * seconds / max(questions, 1))
    key = environ.get(KEY, "").strip() or environ.get(CLI_KEY, "").strip()
    if nim and not key:
        yield Finding(CHECK, Status.SKIPPED, f"NGC is not asked: {KEY} is not set")
    elif nim:
        found = asking.about_key(key)
        yield found
        if found.status is Status.OK and image is not None:
            yield from asking.about_image(key, image)
    if model is not None:
        yield from asking.about_model(model)


class _Asking:
    """Asks, and words what is answered."""

    def __init__(self, environ: Mapping[str, str], hosts: Hosts, seconds: float):
        self.environ, self.hosts, self.seconds = environ, hosts, seconds

    def about_key(self, key: str) -> Finding:
        """Whether NGC accepts a key."""
        if form_of(key).kind == LEGACY:
            path = "/token?service=ngc"
            return self._judged("NGC", self.hosts.tokens, path, headers=_basic(key))
        from urllib.parse import urlencode

        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        body = urlencode({"credentials": key}).encode()
        path = "/v3/keys/get-caller-info"
        return self._judged("NGC", self.hosts.keys, path, headers=headers, body=body)

    def about_image(self, key: str, image: str) -> Iterator[Finding]:
        """Whether the key may pull an image of nvcr.io."""
        host, _, rest = image.partition("/")
        if host != "nvcr.io":
            return
        repository, tag = _parts(rest)
        what = f"nvcr.io of {quoted(image)}"
        path = f"/proxy_auth?account=$oauthtoken&scope=repository:{repository}:pull"
        try:
            status, body = self._answer(self.hosts.registry, path, headers=_basic(key))
            if status == 200:
                token = _token(body)
                if token is None:
                    yield Finding(CHECK, Status.UNKNOWN, f"{what}: the answer has no token")
                    return
                headers = {"Authorization": f"Bearer {token}", "Accept": _MANIFESTS}
                path = f"/v2/{repository}/manifests/{tag}"
                status, _ = self._answer(self.hosts.registry, path, headers=headers)
        except WebError as error:
            yield no_answer(what, error)
            return
        if status == 404:
            told = f"{what}: there is no such image or tag"
            yield Finding(CHECK, Status.FAILED, told, fix="see catalog.ngc.nvidia.com for its tags")
        else:
            yield of_status(what, status, expired=False)

    def about_model(self, model: str) -> Iterator[Finding]:
        """Whether Hugging Face accepts the token, and gives the weights."""
        if is_offline(self.environ):
            yield Finding(CHECK, Status.SKIPPED, "Hugging Face is not asked: HF_HUB_OFFLINE is set")
            return
        found = token_of(self.environ)
        headers = {} if found is None else {"Authorization": f"Bearer {found[0].strip()}"}
        host = self.environ.get("HF_ENDPOINT", "").strip() or self.hosts.models
        if found is not None:
            judged = self._judged("Hugging Face", host, "/api/whoami-v2", headers=headers)
            yield judged
            if judged.status is not Status.OK:
                return
        what = f"the weights {quoted(model)} of Hugging Face"
        try:
            status, _ = self._answer(host, f"/api/models/{model}/auth-check", headers=headers)
        except WebError as error:
            yield no_answer(what, error)
            return
        if status == 200:
            yield Finding(CHECK, Status.OK, f"{what} can be had")
        elif status in {401, 403, 404}:
            fix = f"accept its terms at huggingface.co/{model}, and set HF_TOKEN of that account"
            told = f"{what}: {_WEIGHTS[status]} (status {status})"
            yield Finding(CHECK, Status.FAILED, told, fix=fix)
        else:
            yield of_status(what, status, expired=False)

    def _judged(
        self,
        what: str,
        host: str,
        path: str,
        *,
        headers: Mapping[str, str],
        body: bytes | None = None,
    ) -> Finding:
        try:
            status, answer = self._answer(host, path, headers=headers, body=body)
        except WebError as error:
            return no_answer(what, error)
        return of_status(what, status, expired=b"expired" in answer.lower())

    def _answer(
        self, host: str, path: str, *, headers: Mapping[str, str], body: bytes | None = None
    ) -> tuple[int, bytes]:
        """The status of an answer and its body. Raises WebError."""
        from nimprofile.base.web.client import Client

        with Client(address_of(host), environ=self.environ, limits=self._limits()) as client:
            method = "GET" if body is None else "POST"
            with client.open(method, path, body=body, headers=headers) as stream:
                return stream.status, b"".join(piece for _, piece in stream)

    def _limits(self) -> Limits:
        from nimprofile.base.web.client import Limits

        return Limits(reach=self.seconds, pause=self.seconds, total=self.seconds, most=1 << 20)


_MANIFESTS = ", ".join(
    f"application/vnd.{kind}+json"
    for kind in (
        "oci.image.index.v1",
        "oci.image.manifest.v1",
        "docker.distribution.manifest.list.v2",
        "docker.distribution.manifest.v2",
    )
)

_WEIGHTS = {
    401: "there are none for everybody: they are gated or private, or the name is wrong",
    403: "they are gated, and this account has not been let in",
    404: "there are none of this name, or they are private",
}


def _basic(key: str) -> dict[str, str]:
    import base64

    return {"Authorization": "Basic " + base64.b64encode(f"$oauthtoken:{key}".encode()).decode()}


def _parts(rest: str) -> tuple[str, str]:
    """The repository, and the tag or digest, of an image without its host."""
    named, _, digest = rest.partition("@")
    repository, _, tag = named.partition(":")
    return repository, digest or tag or "latest"


def _token(body: bytes) -> str | None:
    from nimprofile.base.formats.json_reader import JsonError, read_json

    try:
        value = read_json(body.decode())
    except (JsonError, UnicodeDecodeError):
        return None
    token = value.get("token") if isinstance(value, dict) else None
    return token if isinstance(token, str) and token.isascii() and token.isprintable() else None
