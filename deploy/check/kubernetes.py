"""Built Kubernetes manifests against Kubernetes' own schemas, and against what this product asks of its pods."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import jsonschema
import kubernetes_validate
import yaml

from deploy.check import images, pods, references

Document = dict[str, Any]

VERSIONS: Final = ("1.34", "1.37")
"""The oldest and the newest Kubernetes that the manifests are checked against."""
_KEDA: Final = Path(__file__).with_name("keda.yaml")
_WORKLOADS: Final = frozenset({"StatefulSet", "Deployment", "DaemonSet", "Job", "CronJob"})


def faults(documents: Sequence[Document], documented: str) -> list[str]:
    """What is wrong with the documents of one overlay; `documented` is the page that names the Secrets to be made."""
    return list(schema_faults(documents)) or rule_faults(documents, documented)


def schema_faults(documents: Sequence[Document]) -> Iterator[str]:
    """Where a document is not what Kubernetes, or KEDA, takes."""
    for one in documents:
        yield from (f"{name(one)}: {fault}" for fault in _schema(one))


def rule_faults(documents: Sequence[Document], documented: str) -> list[str]:
    """Where documents that Kubernetes takes are not what this product asks for."""
    found: list[str] = []
    for one in documents:
        if one["kind"] in _WORKLOADS:
            found += [f"{name(one)}: {fault}" for fault in _workload(one, documents)]
    found += references.faults(documents, documented)
    found += _namespace(documents)
    return found


def name(document: Mapping[str, Any]) -> str:
    """How a document is called in a message: `StatefulSet/onestack-worker`."""
    return f"{document.get('kind', '?')}/{document.get('metadata', {}).get('name', '?')}"


def _schema(document: Document) -> Iterator[str]:
    if str(document["apiVersion"]).startswith("keda.sh/"):
        schema = yaml.safe_load(_KEDA.read_text()).get(document["kind"], False)
        for error in jsonschema.Draft202012Validator(schema).iter_errors(document):
            yield f"{error.json_path}: {error.message[:200]}"
        return
    for version in VERSIONS:
        try:
            kubernetes_validate.validate(document, version, strict=True)
        except kubernetes_validate.ValidationError as error:
            path = ".".join(str(part) for part in error.path)
            yield f"Kubernetes {version}: {path}: {error.message[:200]}"
        except kubernetes_validate.SchemaNotFoundError:
            yield f"Kubernetes {version} has no {document['apiVersion']} {document['kind']}"


def _workload(document: Document, documents: Sequence[Document]) -> Iterator[str]:
    template = references.template_of(document)
    if template is None:
        yield "has no pod template"
        return
    pod = template["spec"]
    yield from pods.pod_faults(pod)
    for container in [*pod.get("initContainers", []), *pod["containers"]]:
        if (fault := images.fault(container["image"])) is not None:
            yield fault
        yield from pods.container_faults(container, pod)
        yield from references.environment_faults(container, documents)
    if document["kind"] not in {"Job", "CronJob"}:
        yield from pods.lasting_faults(document)


def _namespace(documents: Sequence[Document]) -> Iterator[str]:
    spaces = [one for one in documents if one["kind"] == "Namespace"]
    names = {one["metadata"]["name"] for one in spaces}
    for one in spaces:
        if one["metadata"].get("labels", {}).get("pod-security.kubernetes.io/enforce") != "restricted":
            yield f"{name(one)}: the restricted Pod Security Standard is not enforced"
    for one in documents:
        if one["kind"] != "Namespace" and one["metadata"].get("namespace") not in names:
            yield f"{name(one)}: is in no namespace of ours"
    policies = [one["spec"] for one in documents if one["kind"] == "NetworkPolicy"]
    closed = {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    if closed not in policies:
        yield "NetworkPolicy: none closes the namespace for all that no other opens"
