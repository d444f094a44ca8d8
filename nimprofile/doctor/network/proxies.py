"""Variables that send requests through a proxy, and what becomes of those to this host.

No finding has the address of a proxy: it may have a password.
"""

from __future__ import annotations

from nimprofile.base.enums import Server
from nimprofile.doctor.finding import Finding, Status

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from nimprofile.doctor.subject import Subject

CHECK = "proxy"
_SCHEMES = ("http", "https", "all")
LOOPBACK = ("localhost", "127.0.0.1")
NEEDED = ("authn.nvidia.com", "api.ngc.nvidia.com", "xfiles.ngc.nvidia.com", "huggingface.co")
"""What a proxy must let a NIM reach, with the hosts of Hugging Face's files:
docs.nvidia.com/nim/large-language-models/latest/deploy-behind-proxy.html."""


def proxy(subject: Subject) -> Iterator[Finding]:
    """What the variables of proxies do to a server here."""
    server = None if subject.plan is None else subject.plan.server
    yield from proxy_findings(subject.environ, server)


def proxy_findings(environ: Mapping[str, str], server: Server | None = None) -> Iterator[Finding]:
    """What is wrong with the variables of proxies.

    Args:
        environ: the variables.
        server: what is started; a NIM's container sees none of them.
    """
    found = [*_contradictions(environ), *_forms(environ)]
    names = [name for name in _names() if environ.get(name, "").strip()]
    if names:
        found += [*_loopback(environ)]
        if server is Server.NIM:
            found.append(
                Finding(
                    CHECK,
                    Status.WARNING,
                    f"docker run hands no variable of this shell to the NIM, as {_listed(names)}",
                    fix="configure proxies in ~/.docker/config.json, or hand them on by -e; it "
                    f"must let it reach {', '.join(NEEDED)}",
                )
            )
    yield from found
    if not found:
        told = f"{_listed(names)} leave out this host" if names else "none is set"
        yield Finding(CHECK, Status.OK, told)


def _names() -> Iterator[str]:
    for scheme in _SCHEMES:
        yield f"{scheme}_proxy"
        yield f"{scheme.upper()}_PROXY"


def _listed(names: list[str]) -> str:
    return ", ".join(names)


def _contradictions(environ: Mapping[str, str]) -> Iterator[Finding]:
    """Of two spellings, curl and Python take the one in small letters, others the other."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        small, large = environ.get(name, "").strip(), environ.get(name.upper(), "").strip()
        if small and large and small != large:
            told = f"{name} and {name.upper()} are set to different values, and programs differ in "
            fix = f"give both the same value, or unset {name.upper()}"
            yield Finding(CHECK, Status.WARNING, f"{told}which they take", fix=fix)


def _forms(environ: Mapping[str, str]) -> Iterator[Finding]:
    for name in _names():
        value = environ.get(name, "").strip()
        scheme, separator, rest = value.partition("://")
        if not value:
            continue
        if not separator:
            told = f"{name} has no http:// before its host, without which many clients refuse it"
            yield Finding(CHECK, Status.WARNING, told, fix="write http://HOST:PORT")
        elif scheme.lower() not in _KNOWN or not rest.strip("/") or any(map(str.isspace, rest)):
            told = f"{name} is no address of a proxy"
            yield Finding(CHECK, Status.FAILED, told, fix="write http://HOST:PORT, or unset it")


_KNOWN = frozenset({"http", "https", "socks4", "socks4a", "socks5", "socks5h"})


def _loopback(environ: Mapping[str, str]) -> Iterator[Finding]:
    """Requests to this host must not go to the proxy: those of probes, clients, and ranks."""
    if not any(environ.get(name, "").strip() for name in ("http_proxy", "HTTP_PROXY", "all_proxy")):
        return
    left_out = environ.get("no_proxy", "").strip() or environ.get("NO_PROXY", "").strip()
    parts = {part.strip().lower() for part in left_out.split(",")}
    if "*" in parts or parts.issuperset(LOOPBACK):
        return
    missing = [name for name in LOOPBACK if name not in parts]
    yield Finding(
        CHECK,
        Status.WARNING,
        f"no_proxy does not leave out {' and '.join(missing)}: probes and clients of this host ask "
        "the proxy",
        fix=f"add {','.join(missing)} to no_proxy",
    )
