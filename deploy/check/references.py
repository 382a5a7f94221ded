"""Whether all that a manifest names is there: ConfigMaps, Secrets and their keys, ports, selectors, targets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any, Final

from deploy.check import settings

Document = dict[str, Any]

_PORTS: Final = {"metrics": "ONESTACK_METRICS_PORT", "http": "ONESTACK_HUB_PORT"}
"""Which setting says the number of a port of this name."""
_GROUP: Final = "onestack-worker"


def environment_faults(container: Mapping[str, Any], documents: Sequence[Document]) -> Iterator[str]:
    """What is wrong with a container's environment, the ConfigMap's part of it included."""
    environment: dict[str, str] = {}
    for source in container.get("envFrom", []):
        config = _named(documents, "ConfigMap", source.get("configMapRef", {}).get("name"))
        environment.update((config or {}).get("data", {}))
    for one in container.get("env", []):
        environment[one["name"]] = one.get("value", "sample")
    yield from settings.faults(environment)
    mounts = [PurePosixPath(mount["mountPath"]) for mount in container.get("volumeMounts", [])]
    for name, value in environment.items():
        if name.endswith(("_FILE", "_DIR")) and not any(PurePosixPath(value).is_relative_to(at) for at in mounts):
            yield f"{name} is {value}, where nothing is mounted"
    for port in container.get("ports", []):
        variable = _PORTS.get(port.get("name", ""))
        if variable is not None and environment.get(variable) != str(port["containerPort"]):
            yield f"port {port['name']} is {port['containerPort']}, but {variable} is {environment.get(variable)}"


def faults(documents: Sequence[Document], documented: str) -> Iterator[str]:
    """What is named and is not there."""
    for one in documents:
        kind, spec, title = one["kind"], one.get("spec", {}), f"{one['kind']}/{one['metadata']['name']}"
        if (template := template_of(one)) is not None:
            yield from (f"{title}: {fault}" for fault in _pod(template["spec"], documents, documented))
        if kind == "StatefulSet" and _named(documents, "Service", spec["serviceName"]) is None:
            yield f"{title}: its Service {spec['serviceName']} is not there"
        if kind == "Service":
            yield from (f"{title}: {fault}" for fault in _service(spec, documents))
        selector = {"PodDisruptionBudget": "selector", "NetworkPolicy": "podSelector"}.get(kind)
        if selector is not None and not _selected(spec[selector], documents):
            yield f"{title}: {selector} selects no pod"
        if kind == "ScaledObject":
            yield from (f"{title}: {fault}" for fault in _scaled(spec, documents))
        if kind == "TriggerAuthentication":
            for ref in spec["secretTargetRef"]:
                yield from (f"{title}: {fault}" for fault in _secret(ref["name"], [ref["key"]], documented))


def template_of(document: Mapping[str, Any]) -> Document | None:
    """The pod template of a workload; None where the document is none."""
    spec = document.get("spec", {})
    found: Document | None = spec.get("jobTemplate", {}).get("spec", spec).get("template")
    return found


def _named(documents: Sequence[Document], kind: str, name: str | None) -> Document | None:
    return next((one for one in documents if one["kind"] == kind and one["metadata"]["name"] == name), None)


def _pod(pod: Mapping[str, Any], documents: Sequence[Document], documented: str) -> Iterator[str]:
    account = pod.get("serviceAccountName")
    if account is not None and _named(documents, "ServiceAccount", account) is None:
        yield f"ServiceAccount {account} is not there"
    for container in pod["containers"]:
        for source in container.get("envFrom", []):
            name = source.get("configMapRef", {}).get("name")
            if name is not None and _named(documents, "ConfigMap", name) is None:
                yield f"ConfigMap {name} is not there"
    for volume in pod.get("volumes", []):
        keys = list(_files(pod, volume["name"]))
        if "secret" in volume:
            yield from _secret(volume["secret"]["secretName"], keys, documented)
        name = volume.get("configMap", {}).get("name")
        if name is not None and _named(documents, "ConfigMap", name) is None:
            yield from _secret(name, keys, documented)


def _files(pod: Mapping[str, Any], volume: str) -> Iterator[str]:
    """The files of this volume that an environment names: keys of its Secret."""
    for container in pod["containers"]:
        at = [mount["mountPath"] for mount in container.get("volumeMounts", []) if mount["name"] == volume]
        for one in container.get("env", []):
            path = PurePosixPath(one.get("value", ""))
            if one["name"].endswith("_FILE") and str(path.parent) in at:
                yield path.name


def _secret(name: str, keys: Sequence[str], documented: str) -> Iterator[str]:
    """A Secret is not in the manifests: the page has to say that it is to be made, with which keys."""
    rows = [line for line in documented.splitlines() if f"`{name}`" in line]
    if not rows:
        yield f"{name} is neither there nor documented"
    for key in keys:
        if rows and not any(f"`{key}`" in row for row in rows):
            yield f"the key {key} of {name} is not documented"


def _service(spec: Mapping[str, Any], documents: Sequence[Document]) -> Iterator[str]:
    pods = _selected({"matchLabels": spec["selector"]}, documents)
    if not pods:
        yield "selects no pod"
    opened = {port.get("name") for pod in pods for box in pod["spec"]["containers"] for port in box.get("ports", [])}
    for port in spec["ports"]:
        if pods and port["targetPort"] not in opened:
            yield f"leads to port {port['targetPort']}, which no container opens"


def _selected(selector: Mapping[str, Any], documents: Sequence[Document]) -> list[Document]:
    """The pod templates that a label selector matches."""
    templates = [template for one in documents if (template := template_of(one)) is not None]
    return [one for one in templates if _matches(selector, one["metadata"].get("labels", {}))]


def _matches(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    equal = all(labels.get(name) == value for name, value in selector.get("matchLabels", {}).items())
    listed = [one for one in selector.get("matchExpressions", []) if one["operator"] == "In"]
    return equal and all(labels.get(one["key"]) in one["values"] for one in listed)


def _scaled(spec: Mapping[str, Any], documents: Sequence[Document]) -> Iterator[str]:
    target = spec["scaleTargetRef"]
    found = _named(documents, target["kind"], target["name"])
    if found is None:
        yield f"its target {target['kind']}/{target['name']} is not there"
    elif "replicas" in found["spec"]:
        yield "its target has a number of replicas, which each apply would set back"
    configs: list[dict[str, str]] = [one["data"] for one in documents if one["kind"] == "ConfigMap" and "data" in one]
    config = configs[0] if configs else {}
    partitions = config.get("ONESTACK_PARTITIONS", "")
    if not partitions.isdigit() or spec["maxReplicaCount"] > int(partitions):
        yield "maxReplicaCount is more than ONESTACK_PARTITIONS: further workers would have nothing to do"
    if spec["minReplicaCount"] > spec["maxReplicaCount"]:
        yield "minReplicaCount is more than maxReplicaCount"
    for trigger in spec["triggers"]:
        metadata = trigger["metadata"]
        if metadata["bootstrapServers"] != config.get("ONESTACK_BROKER"):
            yield "bootstrapServers is not ONESTACK_BROKER"
        if metadata["consumerGroup"] != _GROUP:
            yield f"consumerGroup is not {_GROUP}"
        reference = trigger.get("authenticationRef", {}).get("name")
        if reference is not None and _named(documents, "TriggerAuthentication", reference) is None:
            yield f"TriggerAuthentication {reference} is not there"
        secured = config.get("ONESTACK_KAFKA_SECURITY_PROTOCOL", "PLAINTEXT") != "PLAINTEXT"
        if secured and reference is None:
            yield "Kafka asks who it is, and it has no authenticationRef"
