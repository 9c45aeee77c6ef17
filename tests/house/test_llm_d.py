"""The program with a model that llm-d delivers: rendered by Helm, brought up in the lab, beside our own Deployment."""

import json
import os
import re
import shutil
import subprocess
import sys
from datetime import date
from pathlib import Path

import jsonschema
import pytest
import yaml

from blueprint.helm import COMMAND
from components.llm_d import escaped
from lab.tools.build import ensure
from lab.tools.sets import HELM
from ops.manifests import differences
from policy.charts import render_release
from policy.judging import Judge
from policy.rules import RULES
from policy.settings import StackRules
from tests.components.charts import MODELSERVICE
from tests.components.test_llm_d import release
from tests.support import copy_project, lab_config, manifests

# On a cold machine Helm is built first, for minutes.
pytestmark = pytest.mark.prove

REAL = os.environ.get("LLM_D_MODELSERVICE_CHART")
"""Folder of llm-d's own chart, from a checkout of https://github.com/llm-d-incubation/llm-d-modelservice"""

CHARTS = [
    pytest.param(str(MODELSERVICE), id="the tests' chart"),
    pytest.param(
        REAL,
        id="llm-d's chart",
        marks=pytest.mark.skipif(REAL is None, reason="needs LLM_D_MODELSERVICE_CHART=folder of llm-d's own chart"),
    ),
]
JUDGE = Judge(StackRules(), date.max)
MODELS = {
    "the least": {},
    "four GPUs": {"accelerator": {"count": 4}},
    "an empty directory for the weights": {"cache": {"mode": "none", "sizeGiB": 40}},
    "a claim that exists": {"cache": {"mode": "shared", "existingClaim": "weights", "sizeGiB": None}},
    "a name with all that its label may have": {"owner": "a_b.c-D"},
}


@pytest.fixture(scope="module", autouse=True)
def helm():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(COMMAND, str(ensure(HELM).program("helm")))
        yield


def rendered(chart, **model):
    """What the chart makes of a model, by kind and name."""
    inputs = {**release(**model), "chart": chart}
    del inputs["version"], inputs["repositoryOpts"]
    return {f"{item['kind']}/{item['metadata']['name']}": item for item in render_release(inputs, Path.cwd())}


@pytest.mark.parametrize("chart", CHARTS)
@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_the_chart_makes_the_deployment_that_the_program_would(chart, model):
    by_chart = rendered(chart, **model)
    ours = manifests(lab_config({"m": model}))["Deployment/m"]["spec"]
    assert by_chart.keys() == {"Deployment/m-decode"}
    theirs = by_chart["Deployment/m-decode"]["spec"]
    told = [line for line in differences(ours, theirs) if not any(re.match(each, line) for each in ALLOWED)]
    assert told == []


ALLOWED = (
    r"(progressDeadlineSeconds|revisionHistoryLimit): \d+ -> \(absent\)",  # no keys for them
    r"(selector\.matchLabels|template\.metadata\.labels)\.llm-d\.ai/",  # what llm-d's router selects
    # Labels would be part of the selector; these are annotations.
    r"template\.metadata\.labels\.(app\.kubernetes\.io/(name|version|managed-by)|llm-inference/\w+):",
    r"template\.metadata\.annotations\.llm-inference/\w+: \(absent\)",
    r"template\.spec\.volumes\[(cache|model-storage)\]:",  # the same under the chart's name
    r"template\.spec\.containers\[engine\]\.volumeMounts\[(cache|model-storage)\]:",
    r"template\.spec\.containers\[engine\]\.env: \(absent\)",  # TP_SIZE and its like, which vLLM does not read
)
"""In what the chart's Deployment may differ from ours."""


@pytest.mark.parametrize("chart", CHARTS)
def test_what_the_chart_makes_breaks_no_rule(chart):
    objects = list(rendered(chart).values())
    assert [one.told for rule in RULES for one in JUDGE.release(rule, "m", objects)] == []


@pytest.mark.parametrize("chart", CHARTS)
def test_braces_of_the_settings_are_no_template(chart):
    """The chart hands some values to Helm's template engine once more."""
    inputs = {**release(), "chart": chart}
    del inputs["version"], inputs["repositoryOpts"]
    (container,) = inputs["values"]["decode"]["containers"]
    container["extraConfig"]["lifecycle"] = escaped({"preStop": {"exec": {"command": ["echo", "{{ .Release.Name }}"]}}})
    (deployment,) = render_release(inputs, Path.cwd())
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    assert container["lifecycle"]["preStop"]["exec"]["command"] == ["echo", "{{ .Release.Name }}"]


@pytest.mark.skipif(REAL is None, reason="needs LLM_D_MODELSERVICE_CHART=folder of llm-d's own chart")
def test_every_key_is_one_that_llm_ds_templates_read():
    """Its schema is open below decode: an unknown key there would be ignored."""
    chart = Path(REAL)
    templates = "".join(path.read_text() for path in sorted((chart / "templates").glob("*")))
    values = release()["values"]
    schema = json.loads((chart / "values.schema.tmpl.json").read_text())
    closed = {key: value for key, value in schema["properties"].items() if key not in ("decode", "prefill")}
    jsonschema.validate(values, {**schema, "properties": closed})
    unread = [path for path in keys(values) if not re.search(rf"\.{path.rpartition('.')[2]}\b", templates)]
    assert unread == []


def keys(values, path=""):
    """Paths of the chart's own keys: those of Kubernetes' objects inside it are Kubernetes' business."""
    free = ("labels", "annotations", "podAnnotations", "strategy", "extraConfig", "tolerations", "volumes", "resources")
    for key, value in values.items():
        here = f"{path}.{key}".lstrip(".")
        yield here
        if isinstance(value, dict) and key not in free:
            yield from keys(value, here)
    for container in values.get("containers", ()):
        yield from (f"{path}.containers.{key}" for key in container)


@pytest.fixture(scope="module")
def checkout(cluster, tmp_path_factory):
    """A copy of the project whose one model llm-d delivers, from a chart in it."""
    root = tmp_path_factory.mktemp("llm-d") / "project"
    copy_project(root)
    shutil.copytree(MODELSERVICE, root / "charts" / "modelservice")
    model = {"llmD": {"chart": {"path": "charts/modelservice"}}, "scaling": {"min": 2, "max": 2}}
    config = lab_config({"m": model}, cluster={"namespace": {"name": "llm-d"}}, monitoring={"mode": "operator"})
    stack = {"config": {f"llm-inference:{key}": value for key, value in config.items()}}
    (root / "Pulumi.dev.yaml").write_text(yaml.safe_dump(stack))
    (root / "state").mkdir()
    return root


def engine(checkout, cluster, command, *options):
    environment = {
        **os.environ,
        "KUBECONFIG": str(cluster.kubeconfig),
        "PULUMI_BACKEND_URL": f"file://{checkout / 'state'}",
        "PULUMI_CONFIG_PASSPHRASE": "lab",
    }
    done = subprocess.run(
        [sys.executable, "-m", "lab.engine", command, "--stack=dev", *options],
        cwd=checkout,
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_model_by_llm_d_answers_at_its_service_in_a_namespace_with_the_strictest_rules(checkout, cluster):
    told = engine(checkout, cluster, "up", "--yes", "--policy-pack=policy")
    assert "mandatory" not in told
    assert "not judged" not in told
    slices = ["get", "endpointslices", "--namespace=llm-d", "--selector=kubernetes.io/service-name=m", "-oyaml"]
    endpoints = [each for item in yaml.safe_load(cluster.kubectl(*slices))["items"] for each in item["endpoints"]]
    assert len(endpoints) == 2
    assert all(each["conditions"]["ready"] for each in endpoints)
    assert all(each["targetRef"]["name"].startswith("m-decode-") for each in endpoints)
    assert "Nothing changes" in engine(checkout, cluster, "up", "--yes", "--policy-pack=policy")
    engine(checkout, cluster, "destroy", "--yes")
    # The namespace goes with the stack.
    assert cluster.kubectl("get", "deploy", "--namespace=llm-d", "-oname") == ""
