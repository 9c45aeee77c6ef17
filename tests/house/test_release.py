"""Bad releases in the lab, with a spare GPU: noticed and taken back by themselves, while callers go on asking."""

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from ops.editing import model_keys, read_text, with_value, without
from tests.ops.checkout import AUTHOR, commit, git
from tests.support import PROJECT, copy_project
from tests.traffic import Asking

MODEL = "qwen-1-5b"
ENOUGH = 30
"""Answers before and after, so that "no request failed" says something."""
WHOLE = "half an answer"


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """A checkout of the project with one model, released once and good."""
    root = tmp_path_factory.mktemp("release") / "project"
    copy_project(root)
    # Our own environment, which nothing here changes: UV_NO_SYNC, and a stamp that is newer than what it is made from.
    (root / ".venv").symlink_to(PROJECT.root / ".venv")
    for name in ("pyproject.toml", "uv.lock"):
        os.utime(root / name, (0, 0))
    stack = root / "Pulumi.dev.yaml"
    text = without(read_text(stack), model_keys("qwen-1-5b-endpoint"))
    text = without(text, ("config", "llm-inference:huggingface"))
    stack.write_text(with_value(text, model_keys(MODEL, "smoke"), {"structured": True}))
    commit(root, "good")
    quick = ("--start-seconds=0.5", "--drain-seconds=2")
    try:
        subprocess.run([sys.executable, "-m", "lab.cluster", "up", *quick], cwd=root, check=True)
        code, output = release(root)
        assert code == 0, output
        yield root
    finally:
        subprocess.run([sys.executable, "-m", "lab.cluster", "down", "--delete"], cwd=root, check=True)


@pytest.fixture
def good(checkout):
    """The same, whatever became of it before."""
    git(checkout, "reset", "--hard", "--quiet", "good/dev")
    return checkout


def release(root: Path) -> tuple[int, str]:
    """`make release`, as a person or a pipeline runs it. make ends with 2 where a command failed."""
    environment = {**os.environ, **AUTHOR, "UV_NO_SYNC": "1"}
    for name in ("PULUMI_BACKEND_URL", "PULUMI_CONFIG_PASSPHRASE", "LLM_LAB_ADDRESSES", "VIRTUAL_ENV", "MAKEFLAGS"):
        environment.pop(name, None)
    done = subprocess.run(
        ["make", "release", "ENGINE=lab", "ARGS=--deadline=20"],
        cwd=root,
        env=environment,
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def changed(root: Path, key: str, value: object) -> str:
    """Commit a change of the model's settings, as if somebody had merged it."""
    stack = root / "Pulumi.dev.yaml"
    stack.write_text(with_value(read_text(stack), model_keys(MODEL, key), value, after="model"))
    return commit(root, f"{key}: {value}")


def kubectl(root: Path, *arguments: str) -> str:
    command = [str(root / ".lab" / "kubectl"), "--namespace=llm", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def asking(root: Path) -> Asking:
    return Asking(json.loads((root / ".lab/dataplane/addresses.json").read_text())["services"][f"llm/{MODEL}"])


def settled(root: Path) -> list[str]:
    """The arguments of the pods that serve, once the others are gone."""
    kubectl(root, "rollout", "status", f"deployment/{MODEL}", "--timeout=120s")
    pods = json.loads(kubectl(root, "get", "pods", f"--selector=llm-inference/model={MODEL}", "--output=json"))["items"]
    serving = [pod for pod in pods if not pod["metadata"].get("deletionTimestamp")]
    return [" ".join(pod["spec"]["containers"][0]["args"]) for pod in serving]


def told(what: str, client: Asking) -> None:
    failed = [reason for _, reason in client.failures if not reason.startswith(WHOLE)]
    spoiled = len(client.failures) - len(failed)
    print(f"{what}: {client.answers} answers, {len(failed)} failed requests, {spoiled} empty answers")  # noqa: T201


@pytest.mark.prove
@pytest.mark.parametrize(
    ("revision", "found"),
    [("lab-unstructured", "does not keep to the schema"), ("lab-silent", "HTTP 200 with an empty")],
)
def test_a_bad_revision_is_noticed_and_the_old_one_serves_again(good, revision, found):
    was = settled(good)
    bad = changed(good, "revision", revision)

    with asking(good) as client:
        client.wait_for_answers(ENOUGH)
        code, output = release(good)
        settled(good)
        returned = time.monotonic()
        client.wait_for_answers(ENOUGH)
    told(revision, client)

    assert code == 2, output
    assert f"--revision {revision}" not in " ".join(was)
    assert found in output
    assert f"{bad[:8]} is not released" in output
    assert settled(good) == was
    assert git(good, "status", "--porcelain") == "M Pulumi.dev.yaml"
    assert git(good, "diff", "good/dev", "--", "Pulumi.dev.yaml", "models.lock.yaml") == ""
    # Nobody was turned away. What answers without a word spoils answers while it serves, which the smoke test finds
    # and a rollout cannot.
    assert [reason for _, reason in client.failures if not reason.startswith(WHOLE)] == []
    assert [moment for moment, _ in client.failures if moment > returned] == []
    assert (client.failures == []) == (revision == "lab-unstructured")


@pytest.mark.prove
def test_pods_that_never_get_ready_are_taken_back(good):
    """Kubernetes calls a rollout failed after all that a start may take, 17 minutes here; the test shortens that."""
    was = settled(good)
    changed(good, "resources", {"cpu": 512})
    impatient = threading.Thread(target=shorten_the_wait, args=(good,))

    with asking(good) as client:
        client.wait_for_answers(ENOUGH)
        impatient.start()
        code, output = release(good)
        impatient.join()
        client.wait_for_answers(ENOUGH)
    told("never Ready", client)

    assert code == 2, output
    assert "`make up` failed" in output
    assert settled(good) == was
    assert client.failures == []


def shorten_the_wait(root: Path) -> None:
    """Let the rollout of a pod that finds no node fail after ten seconds; then the field is as it was."""
    at = "{.spec.template.spec.containers[0].resources.requests.cpu}"
    until = time.monotonic() + 300
    while kubectl(root, "get", "deployment", MODEL, f"--output=jsonpath={at}") != "512":
        assert time.monotonic() < until
        time.sleep(0.2)
    seconds = kubectl(root, "get", "deployment", MODEL, "--output=jsonpath={.spec.progressDeadlineSeconds}")
    patience(root, 10)
    kubectl(
        root,
        "wait",
        f"deployment/{MODEL}",
        "--for=jsonpath={.status.conditions[?(@.reason=='ProgressDeadlineExceeded')].status}=False",
        "--timeout=120s",
    )
    patience(root, int(seconds))


def patience(root: Path, seconds: int) -> None:
    kubectl(root, "patch", "deployment", MODEL, "--patch", json.dumps({"spec": {"progressDeadlineSeconds": seconds}}))
