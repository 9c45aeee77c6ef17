"""The real HorizontalPodAutoscaler controller scales what the program describes, and the program lets it."""

import itertools
import os
import subprocess
import sys
import threading
import time

import pytest
import yaml

from tests.house.endpoint_stacks import STACK, program_in
from tests.house.metrics_server import metrics_server
from tests.lab.conftest import eventually
from tests.support import MODEL, merged

UP_SECONDS, DOWN_SECONDS = 4, 3
TARGET = 10
BY_LOAD = {
    "min": 2,
    "max": 4,
    "by": "hpa",
    "signals": {"use": ["inFlight"], "inFlight": TARGET},
    "up": {"pods": 1, "periodSeconds": UP_SECONDS},
    "down": {"pods": 1, "periodSeconds": DOWN_SECONDS, "stabilizationSeconds": 0},
}


class Stack:
    """The real program with one model, run by the lab's engine on the tests' cluster."""

    def __init__(self, root, cluster):
        program_in(root / "program")
        (root / "state").mkdir()
        self.root, self.cluster = root / "program", cluster
        self.environment = {
            **os.environ,
            "KUBECONFIG": str(cluster.kubeconfig),
            "PULUMI_BACKEND_URL": f"file://{root}/state",
            "PULUMI_CONFIG_PASSPHRASE": "house",
        }

    def write(self, scaling, **model):
        values = {
            "cluster": {
                "context": "lab",
                "id": "lab",
                "namespace": {"name": "scaled"},
                "accelerators": {"nvidia-l4": {"available": 8}},
            },
            "monitoring": {"mode": "operator"},
            "models": {"m": merged(MODEL, {"scaling": scaling, **model})},
        }
        text = yaml.safe_dump({"config": {f"llm-inference:{key}": value for key, value in values.items()}})
        (self.root / f"Pulumi.{STACK}.yaml").write_text(text)

    def run(self, *arguments):
        done = subprocess.run(
            [sys.executable, "-m", "lab.engine", *arguments, f"--stack={STACK}"],
            cwd=self.root,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    def up(self, scaling, **model):
        self.write(scaling, **model)
        return self.run("up", "--yes", "--skip-preview")

    def get(self, path):
        return self.cluster.kubectl("get", "deploy", "m", "-nscaled", f"--output=jsonpath={{{path}}}")


class Watch:
    """Every count that the Deployment was given, with when it was seen."""

    def __init__(self, cluster):
        self.seen = []
        command = ["get", "deploy", "m", "-nscaled", "-w", '-o=jsonpath={.spec.replicas}{"\\n"}']
        self.process = subprocess.Popen([str(cluster.lab.kubectl), *command], stdout=subprocess.PIPE, text=True)
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            if not self.seen or self.seen[-1][0] != int(line):
                self.seen.append((int(line), time.monotonic()))

    @property
    def counts(self):
        return [count for count, _ in self.seen]

    def gaps(self):
        """Seconds between one change and the next."""
        times = [when for _, when in self.seen[1:]]
        return [later - earlier for earlier, later in itertools.pairwise(times)]

    def again(self):
        """Forget all but the last."""
        self.seen = self.seen[-1:]


@pytest.fixture
def stack(cluster, tmp_path):
    stack = Stack(tmp_path, cluster)
    yield stack
    stack.run("destroy", "--yes", "--skip-preview")


def test_the_load_decides_within_bounds_and_rates_and_a_preview_sees_no_change(stack, cluster):
    with metrics_server(cluster) as metrics:
        stack.up(BY_LOAD)
        # Created without a count, which is one; the scaler brings it to min.
        eventually(lambda: stack.get(".spec.replicas") == "2")
        watch = Watch(cluster)
        metrics.load = 8 * TARGET
        eventually(lambda: watch.counts[-1:] == [4])
        assert watch.counts == [2, 3, 4]
        assert min(watch.gaps()) > UP_SECONDS - 1
        assert "lab" in metrics.callers
        stack.run("preview", "--expect-no-changes")

        # A pod added within the period is one more that may go: the controller counts from where the period began.
        time.sleep(max(0, watch.seen[-1][1] + DOWN_SECONDS + 1 - time.monotonic()))
        watch.again()
        metrics.load = 0
        eventually(lambda: watch.counts[-1] == 2)
        assert watch.counts == [4, 3, 2]
        assert min(watch.gaps()) > DOWN_SECONDS - 1
        stack.run("preview", "--expect-no-changes")
        watch.process.terminate()


@pytest.mark.prove
def test_a_scaler_that_comes_works_and_goes_never_drops_what_runs(stack, cluster):
    """From a fixed number over a scaler to another fixed number, and a change of the pods in between."""
    with metrics_server(cluster) as metrics:
        metrics.load = 3 * TARGET
        stack.up({"min": 3, "max": 3})
        watch = Watch(cluster)
        stack.up(BY_LOAD)
        stack.up(BY_LOAD, engine={"maxModelLen": 4096})
        assert watch.counts == [3]
        metrics.load = 4 * TARGET
        eventually(lambda: watch.counts[-1] == 4)
        # The scaler is the last to go, and may write once more; what was meant stands after a refresh.
        stack.up({"min": 3, "max": 3}, engine={"maxModelLen": 4096})
        stack.run("refresh", "--yes", "--skip-preview")
        stack.run("up", "--yes", "--skip-preview")
        assert stack.get(".status.availableReplicas") == "3"
        stack.run("preview", "--expect-no-changes")
        watch.process.terminate()
        assert set(watch.counts) == {3, 4}
