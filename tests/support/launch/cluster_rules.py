"""What does a cluster, or Compose, refuse that no schema refuses, and what does it make of `$`?

Core objects are validated by kubernetes-validate, custom ones by `corpus/schemas`; a pod that
stands in a custom object is taken out and validated as a pod. Names, labels, ports and quantities:
the rules of github.com/kubernetes/apimachinery (pkg/api/validate/content, pkg/api/resource); the
rules across fields of custom objects: the `x-kubernetes-validations` of their CRDs.
"""

import json
import re
from collections import Counter
from pathlib import Path

import check_jsonschema
import jsonschema
import kubernetes_validate

from tests.support.paths import CORPUS

VERSION = "1.34"
SCHEMAS = CORPUS / "schemas"
COMPOSE = Path(check_jsonschema.__file__).parent / "builtin_schemas/vendor/compose-spec.json"

LABEL = r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"
LETTER_FIRST = r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?"
_LABELS = rf"{LABEL}(\.{LABEL})*"
SUBDOMAIN = rf"(?=.{{1,253}}\Z){_LABELS}"
PART = r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?"
QUALIFIED = rf"({_LABELS}/)?{PART}"
KEY = r"(?!\.\.?\Z)[-._a-zA-Z0-9]{1,253}"
VARIABLE = r"[-._a-zA-Z][-._a-zA-Z0-9]*"
PORT_NAME = r"(?=.{1,15}\Z)(?=.*[a-z])(?!.*--)[a-z0-9]([-a-z0-9]*[a-z0-9])?"
QUANTITY = r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]+)?"
SECRET = r".*(KEY|TOKEN|PASSWORD|SECRET)"

STARTS_WITH_A_LETTER = {"Service", "LeaderWorkerSet", "InferenceService"}
CUSTOM = {"NIMCache", "NIMService", "InferenceService", "LeaderWorkerSet"}
PROBES = ("startupProbe", "readinessProbe", "livenessProbe")


def _validator(path):
    return jsonschema.Draft202012Validator(json.loads(path.read_text(encoding="utf-8")))


_VALIDATORS = {kind: _validator(SCHEMAS / f"{kind.lower()}.schema.json") for kind in CUSTOM}
_COMPOSE = _validator(COMPOSE)


# What `$` stands for


def expanded(text, variables):
    """A word of a command as a container gets it: `$(NAME)` is a variable, `$$` is `$`."""

    def value(found):
        name = found["name"]
        return "$" if name is None else variables.get(name, found[0])

    return re.sub(r"\$(?:\$|\((?P<name>[^)]*)\))", value, text)


def interpolated(value, variables):
    """A Compose file as Compose reads it: `$NAME` and `${NAME}` are variables, `$$` is `$`."""
    if isinstance(value, dict):
        return {key: interpolated(each, variables) for key, each in value.items()}
    if isinstance(value, list):
        return [interpolated(each, variables) for each in value]
    if not isinstance(value, str):
        return value

    def put(found):
        if found[0] == "$$":
            return "$"
        name = found["plain"] or found["braced"]
        if name not in variables and found["needed"]:
            raise LookupError(found["needed"])
        return variables.get(name, "")

    name = "[A-Za-z_][A-Za-z0-9_]*"
    pattern = rf"\$(?:\$|(?P<plain>{name})|\{{(?P<braced>{name})(?::\?(?P<needed>[^}}]*))?\}})"
    return re.sub(pattern, put, value)


# Where pods stand


def pods(thing):
    """The pods that come of an object: their labels and specs, by where they stand."""
    spec = thing.get("spec", {})
    match thing["kind"]:
        case "Deployment":
            return {"template": _template(spec["template"])}
        case "LeaderWorkerSet":
            group = spec["leaderWorkerTemplate"]
            names = ("leaderTemplate", "workerTemplate")
            return {name: _template(group[name]) for name in names if name in group}
        case "InferenceService":
            schema = _VALIDATORS["InferenceService"].schema["properties"]["spec"]["properties"]
            own = schema["predictor"]["properties"].keys() - {"containers"}
            return {
                "predictor": (
                    {},
                    {key: value for key, value in spec["predictor"].items() if key not in own},
                )
            }
        case "NIMService":
            return {"service": ({}, _operated(spec))}
    return {}


def _template(template):
    return template["metadata"].get("labels", {}), template["spec"]


def _operated(spec):
    """The part of the operator's pod that a NIMService hands on to it."""
    image = spec["image"]
    container = {
        "name": "nim-ctr",
        "image": f"{image['repository']}:{image['tag']}",
        "ports": [{"name": "api", "containerPort": spec["expose"]["service"]["port"]}],
    }
    handed = ("command", "args", "env", "resources")
    container |= {key: spec[key] for key in handed if key in spec}
    container |= {name: spec[name]["probe"] for name in PROBES if "probe" in spec.get(name, {})}
    pod = {"containers": [container]}
    if "pullPolicy" in image:
        container["imagePullPolicy"] = image["pullPolicy"]
    if "pullSecrets" in image:
        pod["imagePullSecrets"] = [{"name": name} for name in image["pullSecrets"]]
    return pod | {
        key: spec[key] for key in ("nodeSelector", "affinity", "tolerations") if key in spec
    }


def containers(thing):
    """The one container of each pod of an object."""
    found = [pod["containers"] for _, pod in pods(thing).values()]
    return [container for (container,) in found]


# What is refused


def complaints(objects):
    """All that a cluster would refuse of objects that are applied together, or never find."""
    rules = (_by_schema, _alone)
    for rule in rules:  # what has not the form of its schema is looked at no further
        found = [f"{each['kind']}: {problem}" for each in objects for problem in rule(each)]
        if found:
            return found
    return _together(objects)


def compose_complaints(document):
    """All that Compose would refuse."""
    found = [error.message for error in _COMPOSE.iter_errors(document)]
    for service in document.get("services", {}).values():
        found += _service(service, document)
    return found


def _service(service, document):
    named = [each["source"] for each in service.get("volumes", []) if each["type"] == "volume"]
    for kind, names in (
        ("volumes", named),
        ("configs", [each["source"] for each in service.get("configs", [])]),
    ):
        yield from (
            f"not in {kind}: {name}" for name in names if name not in document.get(kind, {})
        )
    for device in service["deploy"]["resources"]["reservations"]["devices"]:
        if {"count", "device_ids"} <= device.keys():
            yield "count and device_ids exclude each other"
    for name, value in service.get("environment", {}).items():
        if _is(SECRET, name) and not (value is None or value.startswith(f"${{{name}:?")):
            yield f"the secret {name} stands in the file"


def _by_schema(thing):
    if thing["kind"] not in CUSTOM:
        yield from _invalid(thing)
        return
    yield from (error.message for error in _VALIDATORS[thing["kind"]].iter_errors(thing))


def _alone(thing):
    yield from _across_fields(thing)
    yield from _metadata(thing["metadata"], thing["kind"])
    yield from _kind(thing)
    for where, (labels, pod) in pods(thing).items():
        problems = [*_labels(labels), *_pod(pod)]
        if thing["kind"] in CUSTOM:
            whole = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "taken-out"}}
            problems = [*_invalid(whole | {"spec": pod}), *problems]
        yield from (f"{where}: {problem}" for problem in problems)


def _invalid(thing):
    try:
        kubernetes_validate.validate(thing, VERSION, strict=True)
    except kubernetes_validate.ValidationError as error:
        yield f"{list(error.path)}: {error.message}"


def _across_fields(thing):
    """The rules of the CRDs that are no schema's."""
    spec = thing.get("spec", {})
    match thing["kind"]:
        case "NIMCache":
            source = spec.get("source", {})
            if len(source.keys() & {"ngc", "hf", "dataStore"}) != 1:
                yield "exactly one of ngc, dataStore, or hf must be defined"
            if {"model", "modelEndpoint"} <= source.get("ngc", {}).keys():
                yield "only one of model or modelEndpoint can be specified"
            for hub in (source.get("hf"), source.get("dataStore")):
                if hub is not None and len(hub.keys() & {"modelName", "datasetName"}) != 1:
                    yield "exactly one of modelName or datasetName must be defined"
        case "NIMService":
            scaled = spec.get("scale", {}).get("enabled", False)
            nodes = spec.get("multiNode", {})
            if {"mpi", "ray"} <= nodes.keys():
                yield "mpi and ray are mutually exclusive"
            if scaled and nodes:
                yield "scale must be disabled when multiNode is set"
            if scaled and "replicas" in spec:
                yield "replicas cannot be set when scale is enabled"


def _kind(thing):
    """What each kind wants besides."""
    spec = thing.get("spec", {})
    match thing["kind"]:
        case "Deployment":
            labels, _ = pods(thing)["template"]
            if not spec["selector"]["matchLabels"].items() <= labels.items():
                yield "the selector does not select the template"
        case "ConfigMap":
            yield from (f"no key: {key}" for key in thing["data"] if not _is(KEY, key))
        case "Service":
            for port in spec["ports"]:
                yield from _port(port["port"], port["name"])
        case "PersistentVolumeClaim":
            yield from _quantities(spec["resources"]["requests"])
        case "NIMService":
            if "nvidia.com/gpu" not in spec["resources"]["limits"]:
                yield "the operator adds whole GPUs where nvidia.com/gpu is not limited"


def _metadata(metadata, kind):
    wanted = LETTER_FIRST if kind in STARTS_WITH_A_LETTER else LABEL
    if not _is(wanted, metadata["name"]):
        yield f"no name: {metadata['name']}"
    yield from _labels(metadata.get("labels", {}))
    yield from (
        f"no key: {key}" for key in metadata.get("annotations", {}) if not _is(QUALIFIED, key)
    )


def _labels(labels):
    for key, value in labels.items():
        if not _is(QUALIFIED, key):
            yield f"no label: {key}"
        if value and not _is(PART, value):
            yield f"no value of a label: {value}"


def _pod(pod):
    volumes = [volume["name"] for volume in pod.get("volumes", [])]
    yield from _names(volumes)
    yield from _names([container["name"] for container in pod["containers"]])
    yield from _labels(pod.get("nodeSelector", {}))
    mounted = set()
    for container in pod["containers"]:
        yield from _container(container)
        mounts = container.get("volumeMounts", [])
        mounted |= {mount["name"] for mount in mounts}
        paths = [mount["mountPath"] for mount in mounts]
        yield from (f"no place to mount: {path}" for path in paths if path[0] != "/" or ":" in path)
        yield from (f"mounted twice: {path}" for path in _twice(paths))
    yield from (f"no volume {name}" for name in mounted - set(volumes))
    yield from (f"nothing mounts {name}" for name in set(volumes) - mounted)
    for volume in pod.get("volumes", []):
        if "emptyDir" in volume:
            yield from _quantities({"sizeLimit": volume["emptyDir"]["sizeLimit"]})
        path = volume.get("hostPath", {"path": "/"})["path"]
        if path[0] != "/":
            yield f"no path of the host: {path}"
        for item in volume.get("configMap", {}).get("items", []):
            if item["path"][0] == "/" or ".." in item["path"]:
                yield f"no path in a volume: {item['path']}"


def _container(container):
    ports = container.get("ports", [])
    names = [port["name"] for port in ports]
    for port in ports:
        yield from _port(port["containerPort"], port["name"])
    yield from (f"port named twice: {name}" for name in _twice(names))
    for request in (container[name]["httpGet"] for name in PROBES if name in container):
        if request["port"] not in names:
            yield f"a probe asks the port {request['port']}, which has no such name"
        if request["path"][0] != "/":
            yield f"no path: {request['path']}"
    yield from _variables(container.get("env", []))
    for amounts in container["resources"].values():
        yield from _quantities(amounts)
        yield from (f"no resource: {name}" for name in amounts if not _is(QUALIFIED, name))
        counted = {name: str(amount) for name, amount in amounts.items() if "/" in name}
        yield from (f"counted: {each}" for each in counted.values() if not _is("[1-9][0-9]*", each))


def _variables(variables):
    yield from (f"set twice: {name}" for name in _twice([each["name"] for each in variables]))
    for variable in variables:
        name = variable["name"]
        if not _is(VARIABLE, name):
            yield f"no variable: {name}"
        if "value" in variable and _is(SECRET, name):
            yield f"the secret {name} stands in the file"
        if "valueFrom" in variable:
            reference = variable["valueFrom"]["secretKeyRef"]
            if not (_is(SUBDOMAIN, reference["name"]) and _is(KEY, reference["key"])):
                yield f"no secret: {reference}"


def _together(objects):
    """What an object names, and another is."""
    found = []
    by_kind = {}
    for thing in objects:
        by_kind.setdefault(thing["kind"], {})[thing["metadata"]["name"]] = thing
    labels = [labels for thing in objects for labels, _ in pods(thing).values()]
    named = [container.get("ports", []) for thing in objects for container in containers(thing)]
    ports = {port["name"] for each in named for port in each}
    twins = by_kind.get("LeaderWorkerSet", {}).keys() & by_kind.get("Service", {}).keys()
    found += [f"Service: its group has one of its own that is called {name}" for name in twins]
    for service in by_kind.get("Service", {}).values():
        selected = service["spec"]["selector"].items()
        matches = sum(selected <= each.items() for each in labels)
        if matches != 1:
            found.append(f"Service: it selects {matches} of the pods")
        wanted = {port["targetPort"] for port in service["spec"]["ports"]}
        found += [f"Service: no port {port}" for port in wanted - ports]
    for thing in objects:
        for _, pod in pods(thing).values():
            for volume in pod.get("volumes", []):
                found += _sources(volume, by_kind)
        cache = thing["spec"]["storage"].get("nimCache") if thing["kind"] == "NIMService" else None
        if cache is not None:
            profiles = by_kind["NIMCache"][cache["name"]]["spec"]["source"]["ngc"]["model"]
            if cache["profile"] not in profiles["profiles"]:
                found.append("NIMService: its profile is not in its cache")
    return found


def _sources(volume, by_kind):
    if "persistentVolumeClaim" in volume:
        name = volume["persistentVolumeClaim"]["claimName"]
        if name not in by_kind.get("PersistentVolumeClaim", {}):
            yield f"no claim {name}"
    if "configMap" in volume:
        name = volume["configMap"]["name"]
        data = by_kind.get("ConfigMap", {}).get(name, {}).get("data", {})
        items = volume["configMap"]["items"]
        yield from (f"no key {each['key']} in {name}" for each in items if each["key"] not in data)


def _names(names):
    yield from (f"no name: {name}" for name in names if not _is(LABEL, name))
    yield from (f"named twice: {name}" for name in _twice(names))


def _port(number, name):
    if not 1 <= number <= 65535:
        yield f"no port: {number}"
    if not _is(PORT_NAME, name):
        yield f"no name of a port: {name}"


def _quantities(amounts):
    return [
        f"{name}: no quantity: {each}"
        for name, each in amounts.items()
        if not _is(QUANTITY, str(each))
    ]


def _twice(names):
    return [name for name, count in Counter(names).items() if count > 1]


def _is(pattern, text):
    return re.fullmatch(pattern, text) is not None
