"""`llm doctor` on the wire: kubeconfigs, API servers that refuse, stall or talk nonsense, and only GET."""

import contextlib
import dataclasses
import http.server
import json
import socket
import threading
import time

import pytest
import yaml
from click.testing import CliRunner

from ops import doctor
from ops.cluster import connection
from tests.support import lab_config

TOKEN = "kube-token-that-must-not-be-seen"
SECRET = "aHVnZ2luZy1mYWNlLXRva2Vu"


class FakeServer(http.server.ThreadingHTTPServer):
    """An API server with canned answers by path: an object, or a status."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers = {"/version": {"gitVersion": "v1.34.1"}}
        self.delay = 0.0
        self.requests = []

    @property
    def address(self):
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(http.server.BaseHTTPRequestHandler):
    def _answer(self):
        server, path = self.server, self.path.partition("?")[0]
        server.requests.append((self.command, self.path, self.headers.get("Authorization")))
        time.sleep(server.delay)
        answer = server.answers.get(self.path, server.answers.get(path, 404))
        status, body = (answer, b"{}") if isinstance(answer, int) else (200, answer)
        self.send_response(status)
        self.end_headers()
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.wfile.write(body if isinstance(body, bytes) else json.dumps(body).encode())

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _answer  # noqa: N815  the names that http.server calls

    def log_message(self, *_):
        pass


def listed(*items):
    return {"items": list(items)}


def node(name):
    return {
        "metadata": {"name": name, "labels": {"nvidia.com/gpu.product": "NVIDIA-L4"}},
        "spec": {"taints": [{"key": "nvidia.com/gpu", "value": "present", "effect": "NoSchedule"}]},
        "status": {
            "allocatable": {"nvidia.com/gpu": "4", "cpu": "32", "memory": "263856388Ki"},
            "conditions": [{"type": "Ready", "status": "True"}],
        },
    }


CLUSTER = {
    "/api/v1/nodes": listed(node("n1"), node("n2")),
    "/apis/storage.k8s.io/v1/storageclasses": listed(
        {
            "metadata": {"name": "rwx", "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}},
            "provisioner": "lab.llm-inference/rwx",
        }
    ),
    **{
        f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{kind}.monitoring.coreos.com": {
            "spec": {"versions": [{"name": "v1", "served": True}]},
            "status": {"conditions": [{"type": "Established", "status": "True"}]},
        }
        for kind in ("podmonitors", "prometheusrules")
    },
    "/apis/apps/v1/deployments": listed(
        {
            "metadata": {"namespace": "monitoring", "name": "kps-operator"},
            "spec": {
                "template": {
                    "spec": {
                        "containers": [
                            {"image": "quay.io:443/prometheus-operator/prometheus-operator:v0.85.0@sha256:ab"}
                        ]
                    }
                }
            },
            "status": {"availableReplicas": 1},
        },
        {
            "metadata": {"namespace": "default", "name": "other"},
            "spec": {"template": {"spec": {"containers": [{"image": "prometheus-operator-docs/nginx"}]}}},
            "status": {},
        },
    ),
    "/api/v1/namespaces/llm": {"metadata": {"labels": {"team": "x"}}, "status": {"phase": "Active"}},
    "/api/v1/namespaces/llm/secrets/hf": {"data": {"token": SECRET, "empty": ""}},
    "/api/v1/namespaces/llm/persistentvolumeclaims/weights": {
        "spec": {"accessModes": ["ReadWriteMany"]},
        "status": {"phase": "Bound"},
    },
    "/apis/node.k8s.io/v1/runtimeclasses/nvidia": {"metadata": {"name": "nvidia"}},
    "/api/v1/namespaces/llm/resourcequotas": listed(
        {
            "metadata": {"name": "team"},
            "spec": {"hard": {"requests.nvidia.com/gpu": "8"}},
            "status": {"used": {"requests.nvidia.com/gpu": "0"}},
        }
    ),
}


def everything():
    """A stack that needs every fact."""
    config = lab_config(
        cluster={"namespace": {"create": False}, "runtimeClass": "nvidia"},
        huggingface={"hubReadSecret": {"name": "hf", "key": "token"}},
        monitoring={"mode": "operator"},
        models={},
    )
    config["models"]["m2"] = {**config["models"]["m"], "cache": {"mode": "shared", "existingClaim": "weights"}}
    return config


@pytest.fixture
def server():
    fake = FakeServer()
    thread = threading.Thread(target=fake.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield fake
    fake.shutdown()
    fake.server_close()
    thread.join()


@pytest.fixture
def project(tmp_path, monkeypatch):
    (tmp_path / "Pulumi.yaml").write_text("name: llm-inference\n")
    for kind in ("models", "images"):
        (tmp_path / f"{kind}.lock.yaml").write_text("version: 1\n")
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
    monkeypatch.chdir(tmp_path)
    describe(tmp_path, everything())
    return tmp_path


def describe(root, config):
    content = {"config": {f"llm-inference:{key}": value for key, value in config.items()}}
    (root / "Pulumi.dev.yaml").write_text(yaml.safe_dump(content))


def kubeconfig(address, user=None, name="lab"):
    return {
        "clusters": [{"name": "c", "cluster": {"server": address}}],
        "users": [{"name": "u", "user": user or {"token": TOKEN}}],
        "contexts": [{"name": name, "context": {"cluster": "c", "user": "u"}}],
        "current-context": name,
    }


def llm_doctor(*arguments):
    return CliRunner().invoke(doctor.command, ["--stack", "dev", *arguments], catch_exceptions=False)


def checked(project, address, *arguments, user=None):
    (project / "kubeconfig").write_text(yaml.safe_dump(kubeconfig(address, user)))
    result = llm_doctor("--json", *arguments)
    assert TOKEN not in result.output
    return result, {finding["check"]: finding for finding in json.loads(result.output)}


def test_everything_is_read_with_get_alone(project, server):
    server.answers |= CLUSTER

    result, found = checked(project, server.address)

    statuses = {name: finding["status"] for name, finding in found.items()}
    assert statuses == {**dict.fromkeys(statuses, "ok"), "driver nvidia-l4": "warn"}, result.output
    assert {method for method, *_ in server.requests} == {"GET"}
    assert {authorization for *_, authorization in server.requests} == {f"Bearer {TOKEN}"}
    assert set(CLUSTER) <= {path.partition("?")[0] for _, path, _ in server.requests}
    assert found["prometheus operator"]["message"] == "monitoring/kps-operator is available"
    assert result.exit_code == 0


def test_lines_say_the_same_as_json_and_a_failure_exits_1(project, server):
    server.answers |= CLUSTER
    describe(project, lab_config())
    _, found = checked(project, server.address)

    result = llm_doctor()

    assert result.exit_code == 1
    lines = result.output.splitlines()
    assert len(lines) == len(found)
    assert any(line.startswith("FAIL  namespace: llm exists and is not this project's") for line in lines)


def test_values_of_the_secret_are_never_shown(project, server):
    server.answers |= CLUSTER
    describe(project, {**everything(), "huggingface": {"hubReadSecret": {"name": "hf", "key": "empty"}}})

    result, found = checked(project, server.address)

    assert found["hub secret"]["status"] == "FAIL"
    assert "has the keys token / empty, not empty" in found["hub secret"]["message"]
    assert SECRET not in result.output


def test_long_lists_are_read_to_their_end(project, server):
    server.answers |= CLUSTER
    server.answers["/api/v1/nodes?limit=500"] = {**listed(node("n1")), "metadata": {"continue": "more"}}
    server.answers["/api/v1/nodes?limit=500&continue=more"] = listed(node("n2"))

    _, found = checked(project, server.address)

    assert found["gpus nvidia-l4"]["status"] == "ok"


@pytest.mark.parametrize("path", sorted(CLUSTER))
def test_missing_right_is_named_and_stops_nothing(project, server, path):
    server.answers |= {**CLUSTER, path: 403}

    result, found = checked(project, server.address)

    missing = [finding for finding in found.values() if "needs the right to " in finding["message"]]
    assert [finding["status"] for finding in missing] == ["warn"]
    assert result.exit_code == 0


def test_all_rights_missing_is_a_row_of_warnings(project, server):
    server.answers = dict.fromkeys([*CLUSTER, "/version"], 403)

    result, found = checked(project, server.address)

    assert result.exit_code == 0
    assert sum(finding["status"] == "warn" for finding in found.values()) >= 9


@pytest.mark.parametrize("answer", [500, b"<html>", [1], {"items": [3]}, {"items": [{"metadata": None}]}])
def test_nonsense_about_nodes_is_a_warning(project, server, answer):
    server.answers |= {**CLUSTER, "/api/v1/nodes": answer}

    result, found = checked(project, server.address)

    assert found["gpus"]["status"] == "warn"
    assert result.exit_code == 0


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (401, "does not accept the credentials of context lab (HTTP 401). Log in again."),
        (b"<html>log in</html>", "does not answer like a Kubernetes API server (HTTP 200)"),
        (302, "does not answer like a Kubernetes API server (HTTP 302)"),
        (503, "does not answer like a Kubernetes API server (HTTP 503)"),
        ([], "does not answer like a Kubernetes API server"),
    ],
)
def test_server_that_is_none_is_said_and_nothing_more_is_asked(project, server, answer, said):
    server.answers["/version"] = answer

    result, found = checked(project, server.address)

    assert list(found) == ["stack file", "context", "api server"]
    assert said in found["api server"]["message"]
    assert result.exit_code == 1


def test_stalling_server_costs_no_more_than_the_time_out(project, server):
    server.delay = 20
    started = time.monotonic()

    _, found = checked(project, server.address, "--timeout", "0.2")

    assert time.monotonic() - started < 15
    assert "gave no answer in time" in found["api server"]["message"]


def test_nobody_listening_is_said_with_the_address_without_credentials(project):
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        port = bound.getsockname()[1]
        _, found = checked(project, f"http://me:{TOKEN}@127.0.0.1:{port}")

    assert f"http://127.0.0.1:{port} cannot be reached" in found["api server"]["message"]
    assert "make lab" in found["api server"]["message"]


EXEC = {"apiVersion": "client.authentication.k8s.io/v1beta1", "args": []}


@pytest.mark.parametrize(
    "user",
    [
        {"exec": {**EXEC, "command": "no-such-program"}},
        {"exec": {**EXEC, "command": "false"}},
        {"exec": {**EXEC, "command": "echo", "args": [TOKEN]}},
        {"exec": {**EXEC, "command": "echo", "apiVersion": "client.authentication.k8s.io/v9"}},
        {"auth-provider": {"name": "gcp"}},
        {"client-certificate-data": "!", "client-key-data": "!"},
        {"client-certificate": "no/such/file", "client-key": "no/such/file"},
    ],
)
def test_credentials_that_cannot_be_used_are_no_traceback(project, server, user):
    _, found = checked(project, server.address, user=user)

    assert found["api server"]["status"] == "FAIL"
    assert "make lab" in found["api server"]["message"]


@pytest.mark.parametrize("version", ["v1", "v1beta1"])
def test_log_in_program_is_told_its_version_and_its_token_used(project, server, version):
    """Written as a v1 program is, which refuses to answer in a version it was not asked for."""
    script = (
        f'echo "$KUBERNETES_EXEC_INFO" | grep -q \'"client.authentication.k8s.io/{version}"\' && '
        f'echo \'{{"kind": "ExecCredential", "status": {{"token": "{TOKEN}"}}}}\''
    )
    program = {"apiVersion": f"client.authentication.k8s.io/{version}", "command": "sh", "args": ["-c", script]}

    _, found = checked(project, server.address, user={"exec": program})

    assert found["api server"]["status"] == "ok"
    assert server.requests[0][2] == f"Bearer {TOKEN}"


@pytest.mark.parametrize("address", ["http://[::1", "", "127.0.0.1:1", "ftp://x"])
def test_address_that_is_none_is_no_traceback(project, address):
    _, found = checked(project, address)

    assert found["api server"]["status"] == "FAIL"


def test_log_in_program_that_hangs_is_given_up(project, server, monkeypatch):
    monkeypatch.setattr(connection, "FIRST_ANSWER_SECONDS", 0.3)

    _, found = checked(project, server.address, user={"exec": {**EXEC, "command": "sleep", "args": ["5"]}})

    assert "gave no answer in time" in found["api server"]["message"]


def test_missing_context_is_said_with_those_that_exist(project, server):
    (project / "kubeconfig").write_text(yaml.safe_dump(kubeconfig(server.address, name="kind-mine")))

    result = llm_doctor()

    assert f"FAIL  context: lab is not in {project}/kubeconfig; contexts there: kind-mine. `make lab`" in result.output
    assert result.exit_code == 1


def test_context_is_found_in_any_of_several_kubeconfigs(project, server, monkeypatch):
    (project / "second").write_text(yaml.safe_dump(kubeconfig(server.address)))
    monkeypatch.setenv("KUBECONFIG", f"{project}/absent:{project}/kubeconfig:{project}/second")
    (project / "kubeconfig").write_text(yaml.safe_dump(kubeconfig("http://127.0.0.1:9", name="other")))

    assert "ok    context: lab" in llm_doctor().output


@pytest.mark.parametrize("content", ["", "[]", "a: [", f"token: {TOKEN}: x", "clusters: 3\ncontexts: 4\n"])
def test_kubeconfig_that_is_none_is_no_traceback(project, content):
    (project / "kubeconfig").write_text(content)

    result = llm_doctor()

    assert "is no kubeconfig" in result.output
    assert TOKEN not in result.output
    assert result.exit_code == 1


def test_dangling_context_is_said(project):
    content = kubeconfig("http://127.0.0.1:9")
    content["clusters"] = []
    (project / "kubeconfig").write_text(yaml.safe_dump(content))

    assert "context lab refers to 'c', which that file does not define" in llm_doctor().output


def test_stack_that_does_not_resolve_says_its_mistakes_and_stops(project, server):
    describe(project, {**everything(), "clutser": {}, "models": {"M": 3}})
    (project / "kubeconfig").write_text(yaml.safe_dump(kubeconfig(server.address)))

    plain, as_json = llm_doctor(), llm_doctor("--json")

    assert plain.exit_code == as_json.exit_code == 1
    assert "Pulumi.dev.yaml is refused" in plain.output
    assert [(item["check"], item["status"]) for item in json.loads(as_json.output)] == [("stack file", "FAIL")]
    assert server.requests == []


def test_stack_without_cluster_has_nothing_to_check(project):
    stack = doctor.Project.find().resolve("dev")

    found = list(doctor.examine(dataclasses.replace(stack, cluster=None), 1))

    assert [finding.status for finding in found] == ["ok"]
