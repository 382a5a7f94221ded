"""The checks of deploy/: what is there passes, and each thing that is broken in a copy is found."""

from __future__ import annotations

import copy
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from deploy.check import compose, dockerfile, kubernetes, tools
from deploy.check.__main__ import ROOT, run

Document = dict[str, Any]
OVERLAYS = ROOT / "deploy" / "kubernetes" / "overlays"
PAGE = (ROOT / "docs" / "how-to" / "run-on-kubernetes.md").read_text()
COMPOSE = ROOT / "deploy" / "compose.yaml"


@pytest.fixture(scope="module")
def kustomize() -> str:
    try:
        return tools.kustomize(ROOT, fetch=os.environ.get("CI") == "true")
    except tools.Missing as lack:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(str(lack))


@pytest.fixture(scope="module")
def built(kustomize: str) -> list[Document]:
    documents, complaints = tools.build(kustomize, OVERLAYS / "three-brokers")
    assert complaints == []
    return documents


def one(documents: list[Document], kind: str, name: str) -> Document:
    return next(each for each in documents if (each["kind"], each["metadata"]["name"]) == (kind, name))


def pod(documents: list[Document], kind: str, name: str) -> Document:
    found: Document = one(documents, kind, name)["spec"]["template"]["spec"]
    return found


def worker(documents: list[Document]) -> Document:
    found: Document = pod(documents, "StatefulSet", "onestack-worker")["containers"][0]
    return found


def settings(documents: list[Document]) -> dict[str, str]:
    found: dict[str, str] = next(each["data"] for each in documents if each["kind"] == "ConfigMap")
    return found


def trigger(documents: list[Document]) -> Document:
    found: Document = one(documents, "ScaledObject", "onestack-worker")["spec"]["triggers"][0]
    return found


def without(documents: list[Document], kind: str, name: str) -> None:
    documents.remove(one(documents, kind, name))


@pytest.mark.parametrize("overlay", sorted(path.name for path in OVERLAYS.iterdir()))
def test_every_overlay_passes(kustomize: str, overlay: str) -> None:
    documents, complaints = tools.build(kustomize, OVERLAYS / overlay)
    assert complaints == []
    assert kubernetes.faults(documents, PAGE) == []


@pytest.mark.parametrize(
    ("breaks", "told"),
    [
        (lambda d: worker(d).update(imagePullSecret="x"), "Kubernetes 1.34: spec.template.spec.containers"),
        (lambda d: one(d, "StatefulSet", "onestack-worker")["spec"].update(replicas="3"), "Kubernetes 1.37"),
        (lambda d: one(d, "StatefulSet", "onestack-worker").update(kind="Nonsense"), "has no apps/v1 Nonsense"),
        (lambda d: trigger(d)["metadata"].update(lagThreshhold="1"), "lagThreshhold"),
        (lambda d: trigger(d)["metadata"].update(lagThreshold="0"), "lagThreshold"),
    ],
)
def test_a_manifest_that_kubernetes_or_keda_would_not_take_is_told(
    built: list[Document], breaks: Callable[[list[Document]], object], told: str
) -> None:
    documents = copy.deepcopy([each for each in built if each["metadata"]["name"] == "onestack-worker"])
    breaks(documents)
    found = list(kubernetes.schema_faults(documents))
    assert any(told in fault for fault in found), found
    assert kubernetes.faults(documents, PAGE) == found


@pytest.mark.parametrize(
    ("breaks", "told"),
    [
        (lambda d: trigger(d)["metadata"].update(consumerGroup="workers"), "consumerGroup is not onestack-worker"),
        (lambda d: trigger(d)["metadata"].update(bootstrapServers="kafka:9092"), "is not ONESTACK_BROKER"),
        (lambda d: trigger(d).pop("authenticationRef"), "has no authenticationRef"),
        (lambda d: without(d, "TriggerAuthentication", "onestack-scaler"), "onestack-scaler is not there"),
        (lambda d: settings(d).update(ONESTACK_PARTITIONS="6"), "more than ONESTACK_PARTITIONS"),
        (lambda d: settings(d).update(ONESTACK_PARTITIONS="many"), "ONESTACK_PARTITIONS: "),
        (lambda d: settings(d).update(ONESTACK_PARTITION="12"), "ONESTACK_PARTITION is no variable"),
        (lambda d: settings(d).update(ONESTACK_MODULE_TOKEN="t"), "is a secret: name a file by"),
        (lambda d: settings(d).update(ONESTACK_METRICS_PORT="9465"), "port metrics is 9464, but ONESTACK_METRICS_PORT"),
        (lambda d: worker(d).update(image="onestack-workflow-engine"), "has no tag that stays"),
        (lambda d: worker(d).update(image="onestack-workflow-engine:latest"), "has no tag that stays"),
        (lambda d: worker(d)["resources"]["limits"].pop("memory"), "resources.limits.memory is missing"),
        (lambda d: worker(d)["securityContext"].update(readOnlyRootFilesystem=False), "readOnlyRootFilesystem"),
        (lambda d: worker(d)["securityContext"].update(runAsUser=0), "runAsUser is root's"),
        (lambda d: worker(d)["securityContext"]["capabilities"].update(add=["NET_RAW"]), "capabilities"),
        (lambda d: pod(d, "Deployment", "onestack-hub").pop("securityContext"), "runAsNonRoot is not true"),
        (lambda d: pod(d, "Deployment", "onestack-hub").update(hostNetwork=True), "hostNetwork is set"),
        (lambda d: pod(d, "Deployment", "onestack-hub").update(terminationGracePeriodSeconds=15), "too short"),
        (lambda d: worker(d)["readinessProbe"]["httpGet"].update(path="/healthz"), "readinessProbe asks /healthz"),
        (lambda d: worker(d)["livenessProbe"]["httpGet"].update(port=8080), "livenessProbe asks port 8080"),
        (lambda d: worker(d).pop("startupProbe"), "startupProbe is missing"),
        (lambda d: worker(d)["env"].pop(0), "ONESTACK_INSTANCE is not the pod's name"),
        (
            lambda d: one(d, "CronJob", "onestack-topics-check")["spec"]["jobTemplate"]["spec"]["template"][
                "spec"
            ].update(serviceAccountName="onestack-nobody"),
            "ServiceAccount onestack-nobody is not there",
        ),
        (lambda d: worker(d)["volumeMounts"].pop(0), "where nothing is mounted"),
        (lambda d: worker(d)["env"][2].update(value="/run/secrets/onestack/token"), "the key token of onestack-worker"),
        (lambda d: without(d, "ServiceAccount", "onestack-hub"), "ServiceAccount onestack-hub is not there"),
        (lambda d: without(d, "Service", "onestack-worker"), "its Service onestack-worker is not there"),
        (lambda d: without(d, "NetworkPolicy", "onestack-deny"), "none closes the namespace"),
        (
            lambda d: one(d, "Service", "onestack-hub")["spec"]["ports"][0].update(targetPort="web"),
            "leads to port web",
        ),
        (
            lambda d: one(d, "PodDisruptionBudget", "onestack-hub")["spec"]["selector"]["matchLabels"].update(a="b"),
            "selector selects no pod",
        ),
        (
            lambda d: one(d, "Namespace", "onestack")["metadata"]["labels"].update(
                {"pod-security.kubernetes.io/enforce": "baseline"}
            ),
            "restricted Pod Security Standard",
        ),
        (lambda d: settings(d).update(ONESTACK_KAFKA_SECURITY_PROTOCOL="PLAINTEXT"), "ONESTACK_KAFKA_PASSWORD"),
    ],
)
def test_a_manifest_that_breaks_a_rule_of_ours_is_told(
    built: list[Document], breaks: Callable[[list[Document]], object], told: str
) -> None:
    documents = copy.deepcopy(built)
    breaks(documents)
    found = kubernetes.rule_faults(documents, PAGE)
    assert any(told in fault for fault in found), found


def test_a_secret_that_is_not_documented_is_told(built: list[Document]) -> None:
    assert any(
        "onestack-hub is neither" in fault for fault in kubernetes.faults(built, PAGE.replace("`onestack-hub`", ""))
    )


def test_an_overlay_that_cannot_be_built_is_told(kustomize: str, tmp_path: Path) -> None:
    (tmp_path / "kustomization.yaml").write_text("resources: [nowhere.yaml]\n")
    documents, complaints = tools.build(kustomize, tmp_path)
    assert documents == []
    assert "nowhere.yaml" in "\n".join(complaints)


def test_the_compose_file_passes() -> None:
    assert compose.faults(compose.read(COMPOSE), COMPOSE.parent) == []


@pytest.mark.parametrize(
    ("breaks", "told"),
    [
        (lambda s, _: s["hub"].update(reed_only=True), "reed_only"),
        (lambda s, _: s["hub"].pop("read_only"), "service hub: read_only is missing"),
        (lambda s, _: s["hub"].pop("cap_drop"), "cap_drop: ALL is missing"),
        (lambda s, _: s["hub"].update(user="0:0"), "user is 0"),
        (lambda s, _: s["hub"].update(ports=["8080:8080"]), "open to all the network"),
        (lambda s, _: s["hub"]["environment"].update(ONESTACK_HUB_PROT="1"), "ONESTACK_HUB_PROT is no variable"),
        (lambda s, _: s["hub"]["environment"].update(ONESTACK_HUB_PORT="eighty"), "ONESTACK_HUB_PORT"),
        (lambda s, _: s["hub"].update(secrets=[]), "which is none of its secrets"),
        (lambda s, _: s["kafka"].update(image="apache/kafka"), "has no tag that stays"),
        (lambda s, _: s["postgres"].pop("healthcheck"), "service postgres: healthcheck is missing"),
        (lambda s, _: s["worker-1"]["deploy"]["resources"]["limits"].pop("memory"), "limits.memory is missing"),
        (
            lambda s, _: s["worker-1"].update(depends_on={"topic": {"condition": "service_started"}}),
            "topic, which is not",
        ),
        (lambda s, _: s["worker-1"].update(volumes=["worker1:/var/lib/onestack"]), "volume worker1 is not declared"),
        (lambda _, d: d["secrets"].update(token={"file": "./secrets/token"}), "is not what secrets.sh makes"),
    ],
)
def test_a_compose_file_that_is_broken_is_told(breaks: Callable[[Document, Document], object], told: str) -> None:
    # Through JSON: YAML's anchors make services share what they have in common.
    document = copy.deepcopy(compose.read(COMPOSE))
    document["services"] = {name: copy.deepcopy(service) for name, service in document["services"].items()}
    breaks(document["services"], document)
    found = compose.faults(document, COMPOSE.parent)
    assert any(told in fault for fault in found), found


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    for name in ("pyproject.toml", ".dockerignore"):
        shutil.copy(ROOT / name, tmp_path / name)
    for name in ("Dockerfile", "compose.yaml", "kubernetes/base/kustomization.yaml"):
        (tmp_path / "deploy" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / "deploy" / name, tmp_path / "deploy" / name)
    return tmp_path


@pytest.mark.parametrize(
    ("file", "old", "new", "told"),
    [
        ("deploy/Dockerfile", "USER 10001:10001", "USER root", "USER is root"),
        ("deploy/Dockerfile", "HEALTHCHECK", "#", "HEALTHCHECK is missing"),
        ("deploy/Dockerfile", "node:22-bookworm-slim", "node:latest", "has no tag that stays"),
        ("deploy/Dockerfile", " --require-hashes -r deploy", " -r deploy", "installs without hashes"),
        ("deploy/Dockerfile", "COPY engine engine\n", "", "package engine is not copied"),
        (".dockerignore", "!streams\n", "", "package streams is kept away"),
        ("pyproject.toml", 'version = "', 'version = "9', "names another version than 9"),
    ],
)
def test_a_dockerfile_that_is_broken_is_told(checkout: Path, file: str, old: str, new: str, told: str) -> None:
    assert dockerfile.faults(checkout) == []
    text = (checkout / file).read_text()
    assert old in text
    (checkout / file).write_text(text.replace(old, new, 1))
    found = dockerfile.faults(checkout)
    assert any(told in fault for fault in found), found


def test_the_exit_code_tells_wrong_from_not_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    def lacking() -> list[str]:
        raise tools.Missing("no promtool")

    monkeypatch.delenv("CI", raising=False)
    assert run({"a": list, "b": list}) == 0
    assert run({"a": lambda: ["wrong"], "b": lacking}) == 1
    assert run({"a": list, "b": lacking}) == 2
    assert run({"a": list, "hadolint": lacking}) == 0
    monkeypatch.setenv("CI", "true")
    assert run({"a": list, "b": lacking}) == 1
