"""Starting, mending and stopping: whatever happened to the lab, the next start makes it whole."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx2
import psutil
import pytest
from lightkube import ApiError
from lightkube.codecs import from_dict
from lightkube.resources.core_v1 import ConfigMap, Node

from lab.cluster import components
from lab.cluster.control import Lab
from lab.cluster.processes import Processes, marked
from lab.errors import LabError
from tests.lab.hub.support import body

REPOSITORY = Path(__file__).parents[2]
MANAGE = {"authorization": "Bearer lab-manage"}
NEVER_MIND = {"start_seconds": 0.1, "drain_seconds": 0.1}


@pytest.fixture(scope="module")
def said() -> list[str]:
    return []


@pytest.fixture(scope="module")
def mine(tmp_path_factory, stacks, said):
    """A lab that is harmed here, and holds one object that must survive."""
    lab = Lab(tmp_path_factory.mktemp("lifecycle") / "home", stacks=stacks, say=said.append)
    try:
        lab.start(**NEVER_MIND)
        with lab.client() as client:
            client.create(
                from_dict({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "kept"}}), namespace="default"
            )
        yield lab
    finally:
        lab.stop(delete=True)
        assert not lab.home.exists()


def is_whole(lab: Lab) -> bool:
    problems = {process.name: process.problem for process in lab.status()}
    assert set(problems.values()) == {None}, problems
    with lab.client() as client:
        return client.get(ConfigMap, "kept", namespace="default") is not None


def pids(lab: Lab) -> set[int]:
    return {process.pid for process in marked(lab.home)}


def files(lab: Lab) -> set[str]:
    """Everything but etcd's own files, whose names count its snapshots."""
    found = (path.relative_to(lab.home) for path in lab.home.rglob("*"))
    return {str(path) for path in found if path.parts[0] != "etcd"}


def cli(lab: Lab, *arguments: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "lab.cluster", *arguments, "--home", str(lab.home)]
    if arguments[0] == "up":
        command += ["--stacks", str(lab.stacks)]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def test_a_second_start_changes_nothing(mine):
    before = pids(mine)
    assert mine.start() is False
    assert pids(mine) == before
    assert is_whole(mine)


@pytest.mark.parametrize("name", components.NAMES)
def test_a_killed_process_is_noticed_and_mended(mine, said, name):
    said.clear()
    Processes(mine.home).find(name).kill()
    assert mine.start() is True
    assert f"{name} died: starting it again" in said
    assert is_whole(mine)


@pytest.mark.parametrize("name", ["hub", "kube-scheduler"])
def test_a_process_that_answers_no_more_is_replaced(mine, said, name):
    said.clear()
    Processes(mine.home).find(name).suspend()
    assert mine.start() is True
    assert [line for line in said if line.startswith(f"{name} gives no answer")]
    assert is_whole(mine)


@pytest.mark.parametrize("name", components.STORE)
def test_the_stand_in_for_hugging_face_outlives_the_control_plane(mine, name):
    before = {process.name: process.pid for process in mine.status()}
    Processes(mine.home).find(name).kill()
    mine.start()
    after = {process.name: process.pid for process in mine.status()}
    assert {name for name in before if before[name] == after[name]} == {"hub", "proxy"}


def test_the_stand_in_is_mended_together_with_the_store(mine, said):
    """One dead and one deaf process at once: neither hides the other."""
    said.clear()
    Processes(mine.home).find("hub").suspend()
    Processes(mine.home).find("kube-apiserver").kill()
    mine.start()
    assert {line.partition(" ")[0] for line in said} == {"hub", "kube-apiserver"}
    assert is_whole(mine)


def endpoints(lab: Lab) -> list[str]:
    answer = httpx2.get(f"{lab.hub()}/v2/endpoint/lab-org", headers=MANAGE, trust_env=False)
    return [item["name"] for item in answer.raise_for_status().json()["items"]]


def test_endpoints_survive_a_stop_and_a_kill_and_go_with_the_lab(tmp_path, stacks):
    lab = Lab(tmp_path / "home", stacks=stacks, say=lambda _: None)
    try:
        assert lab.hub() is None
        lab.start(**NEVER_MIND)
        address = lab.hub()
        httpx2.post(
            f"{address}/v2/endpoint/lab-org", headers=MANAGE, json=body("mine"), trust_env=False
        ).raise_for_status()
        lab.stop()
        assert lab.hub() is None
        lab.start()
        assert (lab.hub(), endpoints(lab)) == (address, ["mine"])
        Processes(lab.home).find("hub").kill()
        lab.start()
        assert (lab.hub(), endpoints(lab)) == (address, ["mine"])
        lab.stop(delete=True)
        lab.start(**NEVER_MIND)
        assert endpoints(lab) == []
    finally:
        lab.stop(delete=True)
    assert not lab.home.exists()


def test_a_recycled_pid_is_not_taken_for_ours(mine):
    """After a reboot the run files name pids that belong to others by now."""
    mine.stop()
    innocent = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    try:
        run = mine.home / "run"
        for name in components.NAMES:
            record = {"pid": innocent.pid, "start": "an earlier one", "checksum": "any"}
            (run / f"{name}.json").write_text(json.dumps(record))
        mine.start()
        assert is_whole(mine)
        assert innocent.poll() is None
    finally:
        innocent.kill()
        innocent.wait()


def test_processes_that_lost_their_run_files_are_found(mine, said):
    before = pids(mine)
    shutil.rmtree(mine.home / "run")
    said.clear()
    mine.start()
    assert not before & pids(mine)
    assert is_whole(mine)


def test_a_home_of_before_the_front_proxy_gets_its_certificates_and_keeps_the_rest(mine):
    """The API server shows them to servers behind it, such as of metrics."""
    kept = {path: path.read_bytes() for path in (mine.home / "pki").rglob("*.*") if "front-proxy" not in path.name}
    for path in (mine.home / "pki").glob("front-proxy*"):
        path.unlink()
    assert mine.start() is True
    assert is_whole(mine)
    assert {path: path.read_bytes() for path in kept} == kept


def test_other_delays_restart_nobody_but_those_who_keep_to_them(mine):
    before = {process.name: process.pid for process in mine.status()}
    mine.start(start_seconds=0.2)
    after = {process.name: process.pid for process in mine.status()}
    assert {name for name in before if before[name] != after[name]} == {"kwok", "dataplane"}
    assert mine.settings().start_seconds == 0.2


def test_the_profile_without_taint_and_smaller_nodes_change_the_nodes(mine):
    def nodes():
        with mine.client() as client:
            found = [item.to_dict() for item in client.list(Node)]
        return {
            item["metadata"]["name"]: (
                item["status"]["allocatable"].get("nvidia.com/gpu"),
                [t["key"] for t in item["spec"].get("taints", [])],
            )
            for item in found
        }

    mine.start(taint=False, gpus_per_node=2)
    try:
        assert nodes() == {
            "cpu-0": (None, []),
            "nvidia-l4-0": ("2", []),
            "nvidia-l4-1": ("2", []),
            "nvidia-l4-2": ("1", []),
            "gke-nvidia-h100-0": ("2", []),
        }
    finally:
        mine.start(taint=True, gpus_per_node=4)
    assert nodes()["nvidia-l4-0"] == ("4", ["nvidia.com/gpu"])
    assert "nvidia-l4-2" not in nodes()


def test_a_taken_port_is_left_to_its_owner(mine, said):
    token = mine.kubeconfig.read_text().split("token: ")[1]
    mine.stop()
    port = mine.settings().ports["kube-apiserver"]
    said.clear()
    with socket.create_server(("127.0.0.1", port)):
        mine.start()
        assert is_whole(mine)
    assert any(f"port {port} is taken" in line for line in said)
    assert mine.kubeconfig.read_text().split("token: ")[1] == token


def test_ctrl_c_during_a_start_leaves_no_process(mine):
    mine.stop()
    before = files(mine)
    for wait in (0.8, 2.5):
        process = cli(mine, "up")
        deadline = time.monotonic() + 150
        while not pids(mine) and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(wait)
        process.send_signal(signal.SIGINT)
        output = process.communicate(timeout=300)[0]
        assert process.returncode == 130, output
        assert "Traceback" not in output
        assert pids(mine) == set()
        assert {name for name in files(mine) if name.startswith("run/")} == set()
    assert files(mine) - before <= {f"logs/{name}.previous.log" for name in components.NAMES}
    mine.start()
    assert is_whole(mine)


def test_two_starts_at_once_make_one_lab(mine):
    mine.stop()
    both = [cli(mine, "up") for _ in range(2)]
    outputs = [process.communicate(timeout=600)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0], outputs
    assert len(pids(mine)) == len(components.NAMES)
    assert is_whole(mine)


def test_a_stopped_lab_keeps_its_objects_token_and_ports(mine):
    kubeconfig = mine.kubeconfig.read_text()
    assert mine.stop() is True
    assert mine.stop() is False
    began = time.monotonic()
    mine.start()
    seconds = time.monotonic() - began
    print(f"warm start: {seconds:.1f} s")  # noqa: T201 (shown by pytest -rP)
    assert seconds < 30
    assert mine.kubeconfig.read_text() == kubeconfig
    assert is_whole(mine)


def starts_and_stops(lab: Lab, times: int) -> None:
    lab.stop()
    seen = []
    for _ in range(times):
        lab.start()
        ports = set(lab.settings().ports.values())
        lab.stop()
        listening = {c.laddr.port for c in psutil.net_connections("tcp") if c.status == psutil.CONN_LISTEN}
        assert not ports & listening
        assert pids(lab) == set()
        seen.append(files(lab))
    assert seen[-1] == seen[0]
    lab.start()


@pytest.mark.prove
def test_twenty_starts_and_stops_leave_nothing_behind(mine):
    starts_and_stops(mine, 20)
    assert is_whole(mine)
    assert sum(path.stat().st_size for path in (mine.home / "logs").iterdir()) < 5_000_000


def test_a_moved_lab_goes_on_at_its_new_place(mine, tmp_path_factory):
    place = tmp_path_factory.mktemp("moved") / "home"
    old = pids(mine)
    mine.home.rename(place)
    moved = Lab(place, stacks=mine.stacks, say=lambda _: None)
    try:
        moved.start()
        assert not old & {process.pid for process in psutil.process_iter()}
        assert is_whole(moved)
    finally:
        moved.stop()
        place.rename(mine.home)
    mine.start()
    assert is_whole(mine)


@pytest.mark.prove
def test_a_copied_lab_leaves_the_original_alone(mine, tmp_path_factory):
    place = tmp_path_factory.mktemp("copied") / "home"
    mine.stop()
    shutil.copytree(mine.home, place)
    mine.start()
    old = pids(mine)
    copied = Lab(place, stacks=mine.stacks, say=lambda _: None)
    try:
        copied.start()
        assert is_whole(copied)
        assert pids(mine) == old
        assert not set(copied.settings().ports.values()) & set(mine.settings().ports.values())
    finally:
        copied.stop(delete=True)
    assert is_whole(mine)


@pytest.mark.prove
def test_a_removed_directory_does_not_hide_its_processes(tmp_path, stacks):
    lab = Lab(tmp_path / "home", stacks=stacks, say=lambda _: None)
    lab.start(**NEVER_MIND)
    shutil.rmtree(lab.home)
    assert lab.stop() is True
    assert pids(lab) == set()


def test_a_directory_with_other_things_is_refused(tmp_path, stacks):
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(LabError, match=r"holds other things \(thesis\.txt"):
        Lab(tmp_path, stacks=stacks).start()
    with pytest.raises(LabError, match="holds other things"):
        Lab(tmp_path, stacks=stacks).stop(delete=True)


def test_a_failed_check_of_the_stacks_ends_in_a_sentence(mine, tmp_path):
    (tmp_path / "Pulumi.dev.yaml").write_text("config: {'llm-inference:cluster': {nodeLabels: azure}}\n")
    process = cli(Lab(tmp_path / "home", stacks=tmp_path), "up")
    output = process.communicate(timeout=300)[0]
    assert process.returncode == 1
    assert output.startswith("error: Pulumi.dev.yaml: llm-inference:cluster.nodeLabels")


def test_status_says_what_runs_and_fails_when_something_does_not(mine):
    process = cli(mine, "status")
    told = process.communicate(timeout=300)[0]
    assert [line.split()[:2] for line in told.splitlines()][: len(components.NAMES)] == [
        [name, "ready"] for name in components.NAMES
    ]
    assert "nvidia-l4-0 (4 GPUs)" in told
    assert f"Hugging Face, simulated: {mine.hub()} " in told
    assert process.returncode == 0
    Processes(mine.home).find("kwok").kill()
    process = cli(mine, "status")
    assert "kwok                     does not run" in process.communicate(timeout=300)[0]
    assert process.returncode == 1
    mine.start()


def test_unreadable_data_is_given_up_and_said(mine, said):
    """Last: it loses the object that the others look for."""
    mine.stop()
    database = mine.home / "etcd" / "member" / "snap" / "db"
    database.write_bytes(b"not a database" * 1000)
    said.clear()
    mine.start()
    assert "etcd cannot read its data: the lab starts empty" in said
    with mine.client() as client, pytest.raises(ApiError, match="not found"):
        client.get(ConfigMap, "kept", namespace="default")
