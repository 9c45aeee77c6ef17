"""Canaries through `make up`: a bad one is withdrawn, a good one promoted, while callers never stop asking."""

import json
import os
import subprocess
import sys
import time

import pytest
import yaml

from lab.containers.programs import PROGRAMS, installed
from tests.lab.test_deploy import deploy, kubectl
from tests.support import copy_project
from tests.traffic import Asking

MISSING = sorted(set(PROGRAMS) - set(installed()))
pytestmark = [
    pytest.mark.prove,
    pytest.mark.skipif(bool(MISSING), reason=f"needs {' and '.join(MISSING)} (make monitoring-tools)"),
]

HOST, MODEL = "llm.example.com", "qwen-1-5b"
GOLDEN = [{"prompt": "Do you hear me now?", "contains": "hear me now"}]
FAILS = 50
"""Per cent of its requests that the bad canary fails, by the lab's own fault: docs/lab.md."""
PATIENCE = 400


@pytest.fixture
def checkout(tmp_path):
    """A project of its own, in which `make` finds this environment, with one published model on a lab of its own."""
    root = tmp_path / "project"
    copy_project(root)
    (root / ".venv").mkdir()
    (root / ".venv" / ".synced").touch()
    (root / "golden.yaml").write_text(yaml.safe_dump(GOLDEN))
    file = root / "Pulumi.dev.yaml"
    stack = yaml.safe_load(file.read_text())
    config = stack["config"]
    config["llm-inference:cluster"]["gateway"] = {"className": "envoy", "podNamespace": "envoy-gateway-system"}
    config["llm-inference:cluster"]["certIssuer"] = "letsencrypt"
    config["llm-inference:monitoring"] = {"mode": "standalone"}
    models = config["llm-inference:models"]
    del models[f"{MODEL}-endpoint"]
    models[MODEL]["expose"] = {"host": HOST, "auth": "gateway"}
    file.write_text(yaml.safe_dump(stack))
    yield root
    subprocess.run([sys.executable, "-m", "lab.cluster", "down", "--delete"], cwd=root, check=True)


def settings(root):
    return yaml.safe_load((root / "Pulumi.dev.yaml").read_text())["config"]["llm-inference:models"][MODEL]


def tried(root, **canary):
    file = root / "Pulumi.dev.yaml"
    stack = yaml.safe_load(file.read_text())
    stack["config"]["llm-inference:models"][MODEL]["canary"] = canary
    file.write_text(yaml.safe_dump(stack))
    deploy(root, "up", "--engine=lab")


def canary(root, *arguments):
    """What `llm canary` says, and how it ends."""
    environment = {
        **os.environ,
        "UV_PROJECT_ENVIRONMENT": sys.prefix,
        "UV_NO_SYNC": "1",
        "KUBECONFIG": f"{root}/.lab/kubeconfig",
    }
    for name in ("PULUMI_BACKEND_URL", "PULUMI_CONFIG_PASSPHRASE"):
        environment.pop(name, None)
    done = subprocess.run(
        [sys.executable, "-m", "lab.deploy", "run", "--stack=dev", "--", "llm", "canary", *arguments, "--", MODEL],
        cwd=root,
        env=environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def judged(root, *arguments):
    """The verdict, once there is one."""
    until = time.monotonic() + PATIENCE
    while True:
        code, said = canary(root, "judge", "--json", *arguments)
        assert code in (0, 1, 3), said
        found = json.loads(said)
        if code != 3:
            return found
        assert time.monotonic() < until, said
        time.sleep(5)


def callers(root):
    addresses = json.loads((root / ".lab/dataplane/addresses.json").read_text())
    return Asking(addresses["gateway"], host=HOST, callers=10)


def test_a_bad_canary_is_withdrawn_and_spoils_no_more_than_its_share(checkout, capsys):
    deploy(checkout, "up", "--engine=lab")
    before = settings(checkout)
    with callers(checkout) as client:
        client.wait_for_answers(50)
        tried(checkout, share=10, revision=f"lab-fails-{FAILS}")
        found = judged(checkout, "--min-requests=50")
        assert found["verdict"] == "withdraw"
        (errors,) = [one for one in found["compared"] if one["what"] == "errors"]
        assert errors["finding"] == "worse"
        code, said = canary(checkout, "withdraw", "--yes")
        assert code == 0, said
        seen = len(client.failures)
        client.wait_for_answers(200)
        assert len(client.failures) == seen
    assert {reason.partition(":")[0] for _, reason in client.failures} == {"HTTP 500"}
    share = len(client.failures) / (len(client.failures) + client.answers)
    with capsys.disabled():
        print(f"\na canary with 10 % of the requests that fails {FAILS} % of them spoiled {share:.2%} of all")  # noqa: T201
    assert share < 0.10 * FAILS / 100 * 1.5
    assert settings(checkout) == before
    assert kubectl(checkout, "get", "deployments", "-nllm", f"-lllm-inference/model={MODEL}-canary", "-oname") == ""


def test_a_good_canary_is_promoted_and_no_request_fails(checkout, capsys):
    deploy(checkout, "up", "--engine=lab")
    with callers(checkout) as client:
        client.wait_for_answers(50)
        tried(checkout, share=50, engine={"maxModelLen": 4096}, golden="golden.yaml")
        found = judged(checkout)
        assert found["verdict"] == "promote"
        code, said = canary(checkout, "promote", "--yes")
        assert code == 0, said
        client.wait_for_answers(200)
    assert client.failures == []
    after = settings(checkout)
    assert "canary" not in after
    assert after["engine"]["maxModelLen"] == 4096
    with capsys.disabled():
        print(f"\n{client.answers} requests while one came and was promoted, none failed: {found['reasons']}")  # noqa: T201
    assert kubectl(checkout, "get", "deployments", "-nllm", f"-lllm-inference/model={MODEL}-canary", "-oname") == ""
