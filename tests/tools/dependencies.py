"""Print what is installed with the package: a bill of materials, or the licences.

python -m tests.tools.dependencies materials|licences

What the packages say of themselves is read (`importlib.metadata`); nothing is fetched. The bill is
JSON of CycloneDX 1.6 (cyclonedx.org/docs/1.6/json), without a time, so that one environment always
has the same bill.
"""

import json
import sys
import tomllib
from importlib.metadata import PackageNotFoundError, distribution

try:
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    import nimprofile
except ImportError as error:
    problem = f"{error.name} is not installed for {sys.executable}"
    raise SystemExit(f"{problem}: pip install -e '.[dev]' brings it") from None

from tests.support.paths import ROOT

CLASSIFIED = {
    "Apache Software License": "Apache-2.0",
    "MIT License": "MIT",
    "BSD License": "BSD",
}
"""Licences by the names of classifiers -> as they are written elsewhere."""

SPDX = frozenset({"Apache-2.0", "MIT", "BSD-2-Clause", "BSD-3-Clause", "PSF-2.0"})
"""Identifiers of spdx.org/licenses that stand alone."""


def project():
    """What pyproject.toml says of this package."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def needed(requirements, extras):
    """The names of those requirements that hold here, each with the extras asked for."""
    for text in requirements:
        requirement = Requirement(text)
        marker = requirement.marker
        if marker is None or any(marker.evaluate({"extra": each}) for each in ("", *extras)):
            yield canonicalize_name(requirement.name), frozenset(requirement.extras)


def dependencies():
    """Each package that is installed with this one -> its distribution and what it needs in turn.

    Raises SystemExit, with the fix, for one that is not installed.
    """
    found = {}
    wanted = list(needed(project()["dependencies"], ()))
    while wanted:
        name, extras = wanted.pop()
        if name in found:
            continue
        try:
            package = distribution(name)
        except PackageNotFoundError:
            raise SystemExit(f"{name} is not installed: pip install -e . brings it") from None
        needs = list(needed(package.requires or (), extras))
        found[name] = package, sorted({each for each, _ in needs})
        wanted += needs
    return dict(sorted(found.items()))


def licence(package):
    """The licence as the package states it: as an expression, a text, or a classifier."""
    metadata = package.metadata
    expression = metadata.get("License-Expression")
    if expression:
        return expression
    text = (metadata.get("License") or "").strip()
    if not text or "\n" in text:
        names = [
            line.rpartition(" :: ")[2]
            for line in metadata.get_all("Classifier") or ()
            if line.startswith("License :: ")
        ]
        text = " OR ".join(names) or "not stated"
    return CLASSIFIED.get(text, text)


def licences():
    """A line for each package: name, version and licence."""
    rows = [
        (package.metadata["Name"], package.version, licence(package))
        for package, _ in dependencies().values()
    ]
    rows.insert(0, ("nimprofile", nimprofile.__version__, project()["license"]))
    widths = [max(len(row[at]) for row in rows) for at in (0, 1)]
    for name, version, text in rows:
        yield f"{name:{widths[0]}}  {version:{widths[1]}}  {text}"


def materials():
    """The bill of materials, as a value."""
    found = dependencies()
    own = _component("nimprofile", nimprofile.__version__, project()["license"])
    parts = {
        name: _component(name, package.version, licence(package))
        for name, (package, _) in found.items()
    }
    graph = [(own, sorted({name for name, _ in needed(project()["dependencies"], ())}))]
    graph += [(parts[name], needs) for name, (_, needs) in found.items()]
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": own | {"description": project()["description"]}},
        "components": [*parts.values()],
        "dependencies": [
            {"ref": part["bom-ref"], "dependsOn": [parts[name]["bom-ref"] for name in needs]}
            for part, needs in graph
        ],
    }


def _component(name, version, licence):
    url = f"pkg:pypi/{name}@{version}"
    if licence in SPDX:
        stated = {"license": {"id": licence}}
    elif " OR " in licence or " AND " in licence:
        stated = {"expression": licence}
    else:
        stated = {"license": {"name": licence}}
    return {
        "type": "library",
        "bom-ref": url,
        "name": name,
        "version": version,
        "licenses": [stated],
        "purl": url,
    }


def main(arguments):
    """Print one of the two."""
    match arguments:
        case ["materials"]:
            print(json.dumps(materials(), indent=2))
        case ["licences"]:
            print("\n".join(licences()))
        case _:
            raise SystemExit("python -m tests.tools.dependencies materials|licences")


if __name__ == "__main__":
    main(sys.argv[1:])
