"""What this product asks of each pod: no root, no rights, limits, probes that match, and the time to drain."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

_DRAIN: Final = 10
"""Seconds in which every process ends after SIGTERM."""
_PROBES: Final = {"startupProbe": "/healthz", "livenessProbe": "/healthz", "readinessProbe": "/readyz"}


def pod_faults(pod: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with a pod as such."""
    for forbidden in ("hostNetwork", "hostPID", "hostIPC"):
        if pod.get(forbidden):
            yield f"{forbidden} is set"
    if pod.get("automountServiceAccountToken") is not False:
        yield "automountServiceAccountToken is not false"
    if "serviceAccountName" not in pod:
        yield "serviceAccountName is missing"
    volumes = {volume["name"]: volume for volume in pod.get("volumes", [])}
    for volume in volumes.values():
        if "hostPath" in volume:
            yield f"volume {volume['name']} is a folder of the node"
        if "emptyDir" in volume and "sizeLimit" not in volume["emptyDir"]:
            yield f"volume {volume['name']} has no sizeLimit"
    for container in pod["containers"]:
        for mount in container.get("volumeMounts", []):
            if mount["name"] not in volumes:
                yield f"volume {mount['name']} is mounted, but is none of the pod's"
    hook = max((_waits(container) for container in pod["containers"]), default=0)
    if pod.get("terminationGracePeriodSeconds", 30) < _DRAIN + hook + 5:
        yield f"terminationGracePeriodSeconds is too short for a drain of {_DRAIN} s after {hook} s of preStop"


def _waits(container: Mapping[str, Any]) -> int:
    seconds = container.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
    return int(seconds)


def container_faults(container: Mapping[str, Any], pod: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with the rights and the limits of a container."""
    own, shared = container.get("securityContext", {}), pod.get("securityContext", {})
    both = {**shared, **own}
    if both.get("runAsNonRoot") is not True:
        yield "runAsNonRoot is not true"
    if not both.get("runAsUser"):
        yield "runAsUser is root's or not given"
    if both.get("seccompProfile", {}).get("type") != "RuntimeDefault":
        yield "seccompProfile is not RuntimeDefault"
    if own.get("allowPrivilegeEscalation") is not False:
        yield "allowPrivilegeEscalation is not false"
    if own.get("readOnlyRootFilesystem") is not True:
        yield "readOnlyRootFilesystem is not true"
    if own.get("privileged"):
        yield "it is privileged"
    capabilities = own.get("capabilities", {})
    if capabilities.get("drop") != ["ALL"] or capabilities.get("add"):
        yield "capabilities: all must be dropped, and none added"
    resources = container.get("resources", {})
    for kind in ("requests", "limits"):
        for what in ("cpu", "memory"):
            if what not in resources.get(kind, {}):
                yield f"resources.{kind}.{what} is missing"


def lasting_faults(document: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with the probes and the name of a process that runs for ever."""
    pod = document["spec"]["template"]["spec"]
    for container in pod["containers"]:
        ports = {port.get("name"): port["containerPort"] for port in container.get("ports", [])}
        for probe, path in _PROBES.items():
            asked = container.get(probe, {}).get("httpGet")
            if asked is None:
                yield f"{probe} is missing"
            elif asked["path"] != path:
                yield f"{probe} asks {asked['path']}, not {path}"
            elif asked["port"] not in ports and asked["port"] not in ports.values():
                yield f"{probe} asks port {asked['port']}, which the container does not open"
        names = [one for one in container.get("env", []) if one["name"] == "ONESTACK_INSTANCE"]
        stable = [one.get("valueFrom", {}).get("fieldRef", {}).get("fieldPath") for one in names]
        if document["kind"] == "StatefulSet" and stable != ["metadata.name"]:
            yield "ONESTACK_INSTANCE is not the pod's name"
    if not pod.get("topologySpreadConstraints"):
        yield "topologySpreadConstraints is missing: all pods may be on one node"
