"""Every object that the program describes, before judges that others wrote."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from lab.cluster.definitions import definition
from lab.tools.build import ensure
from lab.tools.sets import CRDS, LINT, LWS
from ops.manifests import to_yaml
from ops.program import run_program, run_with
from ops.render import render
from tests.support import PROJECT, lab_config, wire

HERE = Path(__file__).parent
EXCEPTIONS = yaml.safe_load((HERE / "exceptions.yaml").read_text())
KUBERNETES = "1.36"
_PUBLISHED = {"expose": {"host": "llm.example.com", "auth": "gateway"}}
OTHERS = {
    "scaled-by-hpa": lab_config({"m": {"scaling": {"min": 1, "max": 4, "by": "hpa"}}}, monitoring={"mode": "operator"}),
    "own-gateway": lab_config(
        {"m": _PUBLISHED},
        cluster={"gateway": {"className": "envoy", "podNamespace": "envoys"}, "certIssuer": "letsencrypt"},
    ),
    "ingress": lab_config({"m": _PUBLISHED}, cluster={"ingress": {"controller": "nginx"}, "certIssuer": "letsencrypt"}),
    "claims-of-replicas": lab_config({"m": {"cache": {"mode": "perReplica"}, "scaling": {"min": 2, "max": 2}}}),
    "disks-of-nodes": lab_config({"m": {"cache": {"mode": "node", "path": "/mnt/models", "nodes": ["gpu-1"]}}}),
    "pulled-ahead": lab_config(
        {"m": {"placement": {"spot": {"noticeSeconds": 120}}, "lifecycle": {"warmUp": True}}},
        cluster={"prePull": True},
    ),
}
"""What neither our stacks nor the examples have."""

EXAMPLES = sorted((PROJECT.root / "examples").glob("*.yaml"))


@pytest.fixture(scope="module")
def judges() -> Path:
    """The programs of the judges' own environment."""
    uv = os.environ.get("UV") or shutil.which("uv")
    assert uv is not None, "run the tests with `make test`, or `uv run pytest`"
    environment = {key: value for key, value in os.environ.items() if key != "VIRTUAL_ENV"}
    subprocess.run(
        [uv, "sync", "--frozen", "--quiet", "--project", str(HERE / "tools")], check=True, env=environment, timeout=300
    )
    return HERE / "tools" / ".venv" / "bin"


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The objects of our own stacks and of the examples, one file each."""
    folder = tmp_path_factory.mktemp("rendered")
    sets = {stack: run_program(PROJECT, stack) for stack in PROJECT.stacks()}
    for path in EXAMPLES:
        config = {key.partition(":")[2]: value for key, value in yaml.safe_load(path.read_text())["config"].items()}
        sets[path.stem] = run_with(PROJECT, path.stem, wire(config), [])
    sets |= {name: run_with(PROJECT, name, wire(config), []) for name, config in OTHERS.items()}
    for name, registered in sets.items():
        objects, _ = render(registered)
        for file, item in objects.items():
            (folder / f"{name}-{file}").write_text(to_yaml(item))
    return folder


@pytest.fixture(scope="module")
def native(tmp_path_factory: pytest.TempPathFactory, judges: Path) -> Path:
    """The API's own schemas, which kubernetes-validate brings along, with references that lead to files."""
    folder = tmp_path_factory.mktemp("native")
    (shipped,) = judges.parent.glob(
        f"lib/python*/site-packages/kubernetes_validate/kubernetes-json-schema/v{KUBERNETES}.0-local-strict"
    )
    for path in shipped.iterdir():
        schema = json.loads(path.read_text().replace('"/api/_definitions.json#', '"_definitions.json#'))
        schema.pop("$id", None)
        (folder / path.name).write_text(json.dumps(schema))
    return folder


@pytest.fixture(scope="module")
def definitions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """JSON schemas of the custom resources, closed to unknown keys, from the definitions that the lab has."""
    folder = tmp_path_factory.mktemp("definitions")
    for path in [*ensure(CRDS).files("crds"), ensure(LWS).file("leaderworkersets.yaml")]:
        spec = definition(path)["spec"]
        kind, group = spec["names"]["kind"].lower(), spec["group"].partition(".")[0]
        for version in spec["versions"]:
            schema = closed(version["schema"]["openAPIV3Schema"])
            (folder / f"{kind}-{group}-{version['name']}.json").write_text(json.dumps(schema))
    return folder


def closed(schema):
    """A definition's schema in which unknown keys are errors, as they are for the API server in strict mode."""
    if isinstance(schema, list):
        return [closed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    result = {key: closed(value) for key, value in schema.items()}
    if "properties" in result and not result.get("x-kubernetes-preserve-unknown-fields"):
        result.setdefault("additionalProperties", False)
    # The API server looks into metadata itself.
    if result.get("type") == "object" and "properties" in result and {"spec", "kind"} <= result["properties"].keys():
        result["properties"]["metadata"] = {"type": "object"}
    return result


@pytest.fixture(scope="module")
def kubeconform(native, definitions):
    """Its report on a folder: what it found, and a summary."""

    def judge(folder: Path):
        name = "{{.ResourceKind}}{{.KindSuffix}}.json"
        done = subprocess.run(
            [
                str(ensure(LINT).program("kubeconform")),
                "-strict",
                "-summary",
                "-output=json",
                f"-schema-location={native}/{name}",
                f"-schema-location={definitions}/{name}",
                str(folder),
            ],
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
        )
        return json.loads(done.stdout)

    return judge


def test_kubeconform_accepts_every_object_strictly(rendered, kubeconform):
    report = kubeconform(rendered)
    assert report.get("resources", []) == []
    assert report["summary"]["valid"] == len(list(rendered.iterdir()))


def test_a_misspelt_field_would_be_found_in_native_and_custom_objects(rendered, kubeconform, tmp_path):
    for kind, at in (("deployment", "spec"), ("podmonitor", "spec")):
        path = next(path for path in rendered.iterdir() if f"-{kind}-" in path.name)
        item = yaml.safe_load(path.read_text())
        item[at]["selektor"] = {}
        (tmp_path / path.name).write_text(to_yaml(item))
    assert [found["status"] for found in kubeconform(tmp_path)["resources"]] == ["statusInvalid"] * 2


def test_kubernetes_validate_finds_nothing_that_is_not_explained(rendered, judges):
    """It knows no custom resources, which kubeconform has judged."""
    ours = [path for path in sorted(rendered.iterdir()) if not is_custom(path)]
    done = subprocess.run(
        [str(judges / "kubernetes-validate"), f"--kubernetes-version={KUBERNETES}", "--strict", *map(str, ours)],
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    found = [line for line in (done.stdout + done.stderr).splitlines() if not line.startswith("INFO")]
    assert [line for line in found if not any(known in line for known in EXCEPTIONS["kubernetes-validate"])] == []
    assert done.returncode == 0
    assert len(ours) > 10


def is_custom(path: Path) -> bool:
    group = yaml.safe_load(path.read_text())["apiVersion"].partition("/")[0]
    return ("." in group and not group.endswith(".k8s.io")) or group == "gateway.networking.k8s.io"


def test_checkov_finds_nothing_that_is_not_explained(rendered, judges):
    done = subprocess.run(
        [
            str(judges / "checkov"),
            "--directory",
            str(rendered),
            *("--framework", "kubernetes", "--output", "json", "--compact", "--quiet", "--skip-download"),
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
        # It would ask its makers' service otherwise.
        env={**os.environ, "CHECKOV_RUN_SCA_PACKAGE_SCAN": "false"},
    )
    report = json.loads(done.stdout)
    failed = report["results"]["failed_checks"]
    found = {item["check_id"]: f"{item['check_name']}: {item['resource']}" for item in failed}
    explained = EXCEPTIONS["checkov"].keys()
    assert {key: value for key, value in found.items() if key not in explained} == {}
    assert explained - found.keys() == set(), "these are found no more: take them out"
    assert report["summary"]["parsing_errors"] == 0
    assert report["summary"]["passed"] > 100
