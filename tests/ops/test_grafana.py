"""`llm dashboards --open`: the way to the stack's own Grafana, through a kubectl that stands in for the real one."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest
import yaml

from tests.blueprint.stack_files import MODEL
from tests.support import PROJECT, lab_config

# Writes down what it is asked, says that it forwards, and stays until it is told to end, or ends by itself.
KUBECTL = """\
#!{python}
import json, os, sys, time
json.dump(sys.argv[1:], open({folder!r} + "/asked.json", "w"))
open({folder!r} + "/pid", "w").write(str(os.getpid()))
print("Forwarding from 127.0.0.1:34567 -> 3000", flush=True)
time.sleep({seconds})
sys.exit("error: lost connection to pod")
"""
BROWSER = """\
#!{python}
import sys
open({folder!r} + "/shown", "w").write(sys.argv[1])
"""
OWN = {"mode": "standalone"}
ELSEWHERE = {"context": "east", "id": "east"}
READ = "get secret llm-grafana-admin --output=jsonpath='{.data.admin-password}' | base64 --decode"


@pytest.fixture
def desk(tmp_path, monkeypatch):
    """A checkout with the stack dev, outside the lab; a kubectl and a browser on PATH."""
    folder = tmp_path / "checkout"
    folder.mkdir()
    for name in ("Pulumi.yaml", "models.lock.yaml"):
        shutil.copy(PROJECT.root / name, folder)
    # Outside the lab every image has to be pinned.
    lock = yaml.safe_load((PROJECT.root / "images.lock.yaml").read_text())
    known = {"how": "resolved", "source": "made up", "date": "2026-11-30"}
    for pin in lock["images"].values():
        pin.update(digest=f"sha256:{'0' * 64}", known=known)
    (folder / "images.lock.yaml").write_text(json.dumps(lock))
    models = yaml.safe_load((folder / "models.lock.yaml").read_text())
    for pin in models["models"].values():
        pin.update(sha="0" * 40, known=known)
    (folder / "models.lock.yaml").write_text(json.dumps(models))
    program(tmp_path / "bin/browser", BROWSER, folder=str(tmp_path))
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    return folder


def program(path, text, **values):
    path.parent.mkdir(exist_ok=True)
    path.write_text(text.format(python=sys.executable, **values))
    path.chmod(0o755)


def write(folder, monitoring, cluster=ELSEWHERE):
    config = lab_config(cluster=cluster, **({"monitoring": monitoring} if monitoring else {}))
    config["models"] = {"m": {**MODEL, "owner": "team"}}
    file = {"config": {f"llm-inference:{key}": value for key, value in config.items()}}
    (folder / "Pulumi.dev.yaml").write_text(yaml.safe_dump(file))


@contextlib.contextmanager
def llm(folder, *words, **environment):
    process = subprocess.Popen(
        [sys.executable, "-c", "from ops.cli import main; main()", "dashboards", *words],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(PROJECT.root), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def ended(folder, *words):
    with llm(folder, *words) as process:
        out, complaint = process.communicate(timeout=120)
    return process.returncode, out, complaint


def alive(pid):
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, 0)
        return True
    return False


INSTALLED = {"mode": "operator", "namespace": "watch", "install": {}}


@pytest.mark.parametrize(
    ("monitoring", "namespace", "service", "port"),
    [(OWN, "llm", "llm-grafana", 3000), (INSTALLED, "watch", "kube-prometheus-stack-grafana", 80)],
    ids=["standalone", "installed by its chart"],
)
def test_it_leads_there_until_ctrl_c(desk, tmp_path, monitoring, namespace, service, port):  # noqa: PLR0917  fixtures
    write(desk, monitoring)
    program(tmp_path / "bin/kubectl", KUBECTL, folder=str(tmp_path), seconds=60)
    with llm(desk, "--open", "--dashboard", "llm-model", BROWSER="browser") as process:
        lines = [process.stdout.readline().strip() for _ in range(3)]
        deadline = time.monotonic() + 60
        while not (tmp_path / "shown").exists():
            assert time.monotonic() < deadline
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, complaint = process.communicate(timeout=60)
    assert (process.returncode, complaint) == (0, "")
    assert lines == [
        "http://127.0.0.1:34567/d/llm-model",
        f"User: admin. Password: kubectl --context east --namespace {namespace} {READ}",
        "Ctrl-C ends the way to it.",
    ]
    assert (tmp_path / "shown").read_text() == lines[0]
    way = ["port-forward", f"service/{service}", f":{port}", "--address=127.0.0.1"]
    assert json.loads((tmp_path / "asked.json").read_text()) == ["--context", "east", "--namespace", namespace, *way]
    assert not alive(int((tmp_path / "pid").read_text()))


def test_a_way_that_breaks_ends_it_with_what_kubectl_said(desk, tmp_path):
    write(desk, OWN)
    program(tmp_path / "bin/kubectl", KUBECTL, folder=str(tmp_path), seconds=0)
    code, out, complaint = ended(desk, "--open")
    assert (code, out.splitlines()[0]) == (1, "http://127.0.0.1:34567/dashboards")
    assert complaint == "Error: Grafana: kubectl port-forward ended: error: lost connection to pod\n"


IN_LAB = {"context": "lab", "id": "lab"}
REFUSED = {
    "no monitoring": (None, ELSEWHERE, ["--open"], 2, "Pulumi.dev.yaml has no monitoring"),
    "an operator's": (
        {"mode": "operator", "namespace": "watch"},
        ELSEWHERE,
        ["--open"],
        1,
        "kubectl --context east --namespace watch get services",
    ),
    "somebody's, without dashboards": (
        {"mode": "existing", "prometheus": "http://p.watch.svc", "dashboards": False},
        ELSEWHERE,
        ["--open"],
        1,
        "It brings no dashboards (monitoring.dashboards: false)",
    ),
    "switched off": (
        {**OWN, "standalone": {"grafana": False}},
        ELSEWHERE,
        ["--open"],
        1,
        "monitoring.standalone.grafana: false",
    ),
    "in the lab": (OWN, IN_LAB, ["--open"], 1, "The lab's pods are simulated, and no Grafana answers in one"),
    "no such dashboard": (
        OWN,
        ELSEWHERE,
        ["--open", "--dashboard", "llm-logs"],
        2,
        "--dashboard llm-logs: the stack has none of that uid. There: llm-fleet, llm-model,",
    ),
    "neither": (OWN, ELSEWHERE, [], 2, "Say either --out DIR"),
    "both": (OWN, ELSEWHERE, ["--open", "--out", "x"], 2, "Say either --out DIR"),
    "a dashboard of files": (OWN, ELSEWHERE, ["--out", "x", "--dashboard", "llm-model"], 2, "goes with --open"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_opened_is_said_and_kubectl_is_not_asked(desk, tmp_path, case):
    monitoring, cluster, words, code, said = REFUSED[case]
    write(desk, monitoring, cluster)
    program(tmp_path / "bin/kubectl", KUBECTL, folder=str(tmp_path), seconds=0)
    found, out, complaint = ended(desk, *words)
    assert (found, out) == (code, "")
    assert said in complaint
    assert not (tmp_path / "asked.json").exists()


def test_without_kubectl_it_says_so(desk, tmp_path):
    write(desk, OWN)
    with llm(desk, "--open", PATH=str(tmp_path / "bin")) as process:
        _, complaint = process.communicate(timeout=120)
    assert process.returncode == 2
    assert "there is no kubectl on PATH" in complaint
