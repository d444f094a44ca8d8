"""Which proxy an address is asked through: as curl does, by variables.

curl's manual, "Environment" (curl.se/docs/manpage.html): `http_proxy`, in small letters alone, for
`HTTP_PROXY` is a header to programs of a web server; `HTTPS_PROXY` and `ALL_PROXY` in either, those
in small letters first; `NO_PROXY` lists hosts, with all below each, and since 7.86 ranges of
addresses; `*` is every host. A loopback address is asked through no proxy, as Go does
(`ProxyFromEnvironment` in golang.org/x/net/http/httpproxy): the proxy's own loopback is another.
"""

from __future__ import annotations

from nimprofile.base.errors import RequestError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from ipaddress import IPv4Address, IPv6Address

    from nimprofile.base.web.addresses import Address


def proxy_of(address: Address, environ: Mapping[str, str]) -> str | None:
    """The address of the proxy, with its user and password; None without one.

    Raises RequestError for a proxy that is none of HTTP; its text, which may have a password, is
    not repeated.
    """
    own = ("http_proxy",) if address.scheme == "http" else ("https_proxy", "HTTPS_PROXY")
    found = next((name for name in (*own, "all_proxy", "ALL_PROXY") if environ.get(name)), None)
    if found is None or is_direct(address.host, environ):
        return None
    proxy = environ[found].strip()
    if "://" not in proxy:
        proxy = f"http://{proxy}"
    if not proxy.lower().startswith(("http://", "https://")):
        scheme = proxy.partition("://")[0].lower()
        kind = scheme if scheme.startswith("socks") and scheme.isalnum() else "other"
        raise RequestError(
            f"{found}: proxies are asked by HTTP here, not by {kind}: "
            "unset it, or name the host in NO_PROXY"
        )
    return proxy


def is_direct(host: str, environ: Mapping[str, str]) -> bool:
    """Whether a host is asked without a proxy."""
    import ipaddress

    number = _number(host)
    if host == "localhost" or host.endswith(".localhost") or (number and number.is_loopback):
        return True
    listed = environ.get("no_proxy") or environ.get("NO_PROXY") or ""
    for entry in listed.replace(",", " ").lower().split():
        if entry == "*":
            return True
        if number is not None:
            try:
                if number in ipaddress.ip_network(entry.strip("[]"), strict=False):
                    return True
            except ValueError:  # a name, which no number is below
                continue
        elif f".{host.rstrip('.')}".endswith("." + entry.strip(".")):
            return True
    return False


def _number(host: str) -> IPv4Address | IPv6Address | None:
    """A host that is a number; None for a name."""
    import ipaddress

    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def without_user(proxy: str) -> tuple[str, str | None]:
    """The address of a proxy, and `user:password` where it has them.

    Both may be written with `%` and two digits, as in every address.
    """
    from urllib.parse import unquote, urlsplit, urlunsplit

    parts = urlsplit(proxy)
    user, found, host = parts.netloc.rpartition("@")
    bare = urlunsplit((parts.scheme, host, "", "", ""))
    return bare, unquote(user) if found else None
