"""The same program under the real Pulumi CLI and the real Kubernetes provider, where both are on PATH."""

import os
import re
import shutil
import socket
import socketserver
import subprocess
import sys
import threading

import pytest

from lab.hub.environment import environment as hub_environment
from tests.support import copy_project

pytestmark = pytest.mark.skipif(
    # The CLI asks for the plugin of every package that is installed, used or not.
    not all(map(shutil.which, ("pulumi", "pulumi-resource-kubernetes", "pulumi-resource-docker"))),
    reason="needs pulumi, pulumi-resource-kubernetes and pulumi-resource-docker on PATH",
)


@pytest.fixture(scope="module")
def pulumi(cluster, tmp_path_factory):
    """Run pulumi in a copy of the project with an environment, a backend and a kubeconfig of its own."""
    home = tmp_path_factory.mktemp("pulumi")
    checkout = home / "project"
    copy_project(checkout)
    (home / "state").mkdir()
    environment = {
        **os.environ,
        "PULUMI_HOME": str(home / "home"),
        "PULUMI_BACKEND_URL": f"file://{home / 'state'}",
        "PULUMI_CONFIG_PASSPHRASE": "lab",
        "PULUMI_SKIP_UPDATE_CHECK": "1",
        "KUBECONFIG": str(cluster.kubeconfig),
        **hub_environment(cluster.lab.hub()),
    }
    environment.pop("VIRTUAL_ENV", None)

    def run(*command, succeeds=True, **variables):
        done = subprocess.run(
            command,
            cwd=checkout,
            env={**environment, **variables},
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        output = done.stdout + done.stderr
        assert (done.returncode == 0) is succeeds, output
        return output

    run("uv", "sync", "--frozen", "--quiet")
    run("pulumi", "stack", "init", "dev")
    run.checkout = checkout
    yield run
    run("pulumi", "destroy", "--stack=dev", "--yes", "--skip-preview", "--non-interactive")


class Relay(socketserver.BaseRequestHandler):
    """Passes a connection on to the port of the server's `beyond`."""

    def handle(self):
        with socket.create_connection(("127.0.0.1", self.server.beyond)) as there:
            back = threading.Thread(target=self.copy, args=(there, self.request), daemon=True)
            back.start()
            self.copy(self.request, there)
            back.join()

    @staticmethod
    def copy(source, sink):
        try:
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass


@pytest.fixture
def elsewhere(cluster, tmp_path):
    """Another machine's kubeconfig: another path, and the API server behind another port."""
    config = cluster.kubeconfig.read_text()
    port = re.search(r"https://127\.0\.0\.1:(\d+)", config)[1]
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Relay) as relay:
        relay.daemon_threads = True
        relay.beyond = int(port)
        threading.Thread(target=relay.serve_forever, daemon=True).start()
        path = tmp_path / "elsewhere"
        path.write_text(config.replace(f":{port}", f":{relay.server_address[1]}"))
        yield str(path)
        relay.shutdown()


def test_a_rule_about_the_whole_stack_stops_up_before_anything_is_touched(pulumi):
    rules, stack = pulumi.checkout / "policy/stacks.yaml", pulumi.checkout / "Pulumi.dev.yaml"
    before, unpriced = rules.read_text(), stack.read_text()
    rules.write_text(f"{before}dev: {{endpointMonthlyUsd: 100}}\n")
    stack.write_text(unpriced.replace("api: lab", "api: lab\n    hourlyUsd: {nvidia-l4/x1: 1}"))
    try:
        command = ["pulumi", "up", "--stack=dev", "--yes", "--non-interactive", "--policy-pack=policy"]
        output = pulumi(*command, succeeds=False)
    finally:
        rules.write_text(before)
        stack.write_text(unpriced)
    assert "endpoint-cost-capped" in output
    assert "at its maximum it costs 730 USD a month, above 100" in output
    state = pulumi("pulumi", "stack", "export", "--stack=dev")
    assert "kubernetes:" not in state


def test_up_is_clean_afterwards_from_another_kubeconfig_path_and_port_too(pulumi, cluster, elsewhere):
    pulumi("pulumi", "up", "--stack=dev", "--yes", "--skip-preview", "--non-interactive", "--policy-pack=policy")
    assert cluster.get("deployment", "qwen-1-5b", ".status.availableReplicas") == "1"
    preview = ["pulumi", "preview", "--stack=dev", "--non-interactive", "--expect-no-changes"]
    pulumi(*preview, KUBECONFIG=elsewhere)


@pytest.mark.parametrize(
    ("old", "new", "expected", "replaced"),
    [
        (
            "maxModelLen: 8192",
            "maxModelLen: 4096",
            ["1 to update", '"--max-model-len=8192" => "--max-model-len=4096"'],
            set(),
        ),
        # A Job cannot change. Its successor finds everything in the cache, and ends.
        ("    qwen-1-5b:\n", "    renamed:\n      formerly: [qwen-1-5b]\n", ["+-1 to replace"], {"Job"}),
    ],
    ids=["one argument", "a new name"],
)
def test_a_change_replaces_nothing_that_lasts(pulumi, old, new, expected, replaced):
    stack_file = pulumi.checkout / "Pulumi.dev.yaml"
    before = stack_file.read_text()
    assert old in before
    stack_file.write_text(before.replace(old, new, 1))
    try:
        output = pulumi("pulumi", "preview", "--stack=dev", "--non-interactive", "--diff")
    finally:
        stack_file.write_text(before)
    for text in expected:
        assert text in output
    assert set(re.findall(r":(\w+): \((?:replace|create-replacement|delete-replaced|delete)\)", output)) == replaced


def test_mistakes_are_told_without_a_traceback(pulumi):
    stack_file = pulumi.checkout / "Pulumi.dev.yaml"
    before = stack_file.read_text()
    stack_file.write_text(
        before.replace("count: 1", "count: 3").replace(":models:", ":modles: {a: 1}\n  llm-inference:models:")
    )
    try:
        output = pulumi("pulumi", "preview", "--stack=dev", "--non-interactive", succeeds=False)
    finally:
        stack_file.write_text(before)
    assert "models.qwen-1-5b.accelerator.count: 3 is not allowed" in output
    assert "modles: unknown key. Did you mean models?" in output
    assert "Traceback" not in output


LAB = (sys.executable, "-m", "lab.engine")
CLEAN = ("--stack=dev", "--expect-no-changes")


def test_either_engine_takes_over_what_the_other_brought_up(pulumi, elsewhere):
    """Down with one, up with the other, and neither finds anything to change; also from another path and port."""
    pulumi(*LAB, "destroy", "--stack=dev", "--yes", "--skip-preview")
    pulumi(*LAB, "up", "--stack=dev", "--yes", "--skip-preview")
    pulumi("pulumi", "preview", "--non-interactive", *CLEAN, KUBECONFIG=elsewhere)
    pulumi("pulumi", "refresh", "--stack=dev", "--yes", "--skip-preview", "--non-interactive")
    pulumi(*LAB, "preview", *CLEAN)
    pulumi("pulumi", "destroy", "--stack=dev", "--yes", "--skip-preview", "--non-interactive")
    pulumi("pulumi", "up", "--stack=dev", "--yes", "--skip-preview", "--non-interactive")
    pulumi(*LAB, "preview", *CLEAN, KUBECONFIG=elsewhere)
    pulumi(*LAB, "refresh", "--stack=dev", "--yes")
    pulumi("pulumi", "preview", "--non-interactive", *CLEAN)
