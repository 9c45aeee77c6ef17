"""Runs that are killed, interrupted, or not alone."""

import json
import os
import random
import signal
import subprocess
import sys
import time

import httpx2
import psutil
import pytest

from lab.cluster.control import Lab
from lab.hub.environment import environment
from tests.support import PROJECT


class Dev:
    """The project's own dev stack on a lab of the tests."""

    def __init__(self, root, lab):
        self.root = root
        self.lab = lab
        self.environment = {
            **os.environ,
            "KUBECONFIG": str(lab.kubeconfig),
            "PULUMI_BACKEND_URL": f"file://{root}",
            "PULUMI_CONFIG_PASSPHRASE": "lab",
            **environment(lab.hub()),
        }

    def start(self, command="up"):
        return subprocess.Popen(
            [sys.executable, "-m", "lab.engine", command, "--stack=dev", "--yes", "--skip-preview"],
            cwd=PROJECT.root,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, command="up"):
        process = self.start(command)
        output, _ = process.communicate(timeout=600)
        assert process.returncode == 0, output
        return output

    def state(self):
        return json.loads((self.root / ".pulumi/stacks/llm-inference/dev.json").read_text())["checkpoint"]["latest"]

    def live(self):
        """Every object that carries the project's label, as kind/name."""
        kinds = "deploy,svc,pvc,cm,sa,networkpolicy,resourcequota,podmonitor,prometheusrule"
        ours = "-lapp.kubernetes.io/part-of=llm-inference"
        command = [self.lab.kubectl, "get", kinds, "-nllm", ours, "-oname"]
        return sorted(subprocess.run(command, check=True, capture_output=True, text=True).stdout.split())

    def endpoints(self):
        """Every endpoint of the namespace, by name."""
        answer = httpx2.get(
            f"{self.environment['LLM_LAB_HUB']}/v2/endpoint/lab-org",
            headers={"authorization": f"Bearer {self.environment['LLM_LAB_HUB_TOKEN']}"},
        )
        return [item["name"] for item in answer.json()["items"]]


@pytest.fixture(scope="module")
def empty_lab(tmp_path_factory):
    """A lab without the namespace of the stack, which other tests leave behind in theirs."""
    lab = Lab(tmp_path_factory.mktemp("survival") / "home", stacks=PROJECT.root)
    try:
        lab.start(start_seconds=0.5, drain_seconds=0.5)
        yield lab
    finally:
        lab.stop(delete=True)


@pytest.fixture
def dev(empty_lab, tmp_path):
    dev = Dev(tmp_path, empty_lab)
    yield dev
    dev.run("destroy")


def killed_at_a_random_moment(dev, chance):
    process = dev.start()
    time.sleep(chance.uniform(0.5, 6.0))
    children = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
    process.kill()
    process.communicate()
    _, alive = psutil.wait_procs(children, timeout=25)
    assert alive == []


def converges(dev):
    dev.run()
    latest = dev.state()
    assert "pending_operations" not in latest
    assert len(latest["resources"]) == 34
    assert len(dev.live()) == 20
    assert dev.endpoints() == ["qwen-1-5b-endpoint"]


@pytest.mark.parametrize("times", [3, pytest.param(20, marks=pytest.mark.prove)])
def test_after_a_kill_the_next_up_converges(dev, times):
    chance = random.Random(times)
    for number in range(times):
        killed_at_a_random_moment(dev, chance)
        converges(dev)
        if number < times - 1:
            dev.run("destroy")
            assert dev.state().get("resources", []) == []
            assert dev.endpoints() == []


def test_of_two_at_once_one_is_told_who_holds_the_stack(dev):
    first, second = dev.start(), dev.start()
    outputs = [process.communicate(timeout=600)[0] for process in (first, second)]
    codes = sorted([first.returncode, second.returncode])
    assert codes == [0, 1], outputs
    assert "Another run holds stack dev" in " ".join(outputs)
    assert len(dev.state()["resources"]) == 34


def test_an_interrupt_saves_what_was_made_and_the_next_up_goes_on(dev):
    process = dev.start()
    for line in process.stdout:
        if "Deployment" in line and "creating" in line:
            break
    process.send_signal(signal.SIGINT)
    rest, _ = process.communicate(timeout=100)
    assert process.returncode == 1, rest
    deployments = [item for item in dev.state()["resources"] if item["type"].endswith(":Deployment")]
    assert [item["id"] for item in deployments] == ["llm/qwen-1-5b"]
    converges(dev)
