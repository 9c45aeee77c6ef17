"""Any settings that validate keep what keeps pods with models alive."""

import pytest
import yaml
from hypothesis import given, settings

from ops.program import run_program
from ops.render import render
from tests.blueprint.stack_files import mistakes, resolve
from tests.invariants import breaches, unlabelled
from tests.strategies import lab_configs
from tests.support import PROJECT, lab_config, manifests, merged


@settings(max_examples=25, deadline=None)
@given(config=lab_configs())
def test_any_settings_that_validate_keep_every_invariant_and_label_every_object(config):
    # What a chart makes of a model is held to what our own Deployment is (test_llm_d.py).
    for model in config["models"].values():
        model.pop("llmD", None)
    objects = manifests(config)
    assert list(breaches(objects)) == []
    owners = {name: model.get("owner") for name, model in config["models"].items()}
    assert list(unlabelled(objects, owners)) == []


@pytest.mark.parametrize("stack", PROJECT.stacks())
def test_our_own_stacks_keep_them_too(stack):
    rendered, _ = render(run_program(PROJECT, stack))
    objects = {f"{item['kind']}/{item['metadata']['name']}": item for item in rendered.values()}
    assert list(breaches(objects)) == []
    file = yaml.safe_load((PROJECT.root / f"Pulumi.{stack}.yaml").read_text())
    models = file["config"]["llm-inference:models"]
    assert list(unlabelled(objects, {name: model.get("owner") for name, model in models.items()})) == []


@settings(max_examples=40, deadline=None)
@given(config=lab_configs())
def test_outside_the_lab_every_image_has_a_digest_or_the_stack_is_refused(config):
    models = {name: {"owner": "team", **model} for name, model in config["models"].items()}
    outside = merged(config, {"cluster": {"context": "prod", "id": "prod"}, "models": models})
    unresolved = [issue for issue in mistakes(outside) if "it deploys to the lab only" in issue.problem]
    if not unresolved:
        stack = resolve(outside)
        built = {image.name for image in stack.images if image.build}
        assert all("@sha256:" in one.image.value or one.image_name in built for one in stack.workloads)


@pytest.fixture(scope="module")
def sound():
    return manifests(lab_config())


BROKEN = {
    "spec.template.spec.enableServiceLinks": (True, "a Service called vllm would set VLLM_PORT"),
    "spec.template.spec.hostIPC": (True, "hostIPC is set"),
    "spec.template.spec.securityContext.runAsUser": (0, "it may run as root"),
    "spec.template.spec.terminationGracePeriodSeconds": (60, "SIGKILL comes before the drain has ended"),
    "spec.template.spec.containers.0.resources.requests.memory": ("1Gi", "engine: memory of others is used up"),
    "spec.template.spec.containers.0.readinessProbe.timeoutSeconds": (
        1,
        "readinessProbe: a busy engine counts as failed",
    ),
    "spec.template.spec.containers.0.startupProbe": (None, "liveness begins before the model is loaded"),
    "spec.template.spec.containers.0.securityContext.privileged": (True, "engine may gain privileges"),
    "spec.template.spec.volumes.3.emptyDir.sizeLimit": ("64Gi", "shared memory leaves nothing of the memory"),
}


@pytest.mark.parametrize("path", BROKEN)
def test_a_breach_would_be_found(path, sound):
    value, said = BROKEN[path]
    objects = merged(sound, {})
    at = objects["Deployment/m"]
    *parents, last = path.split(".")
    for key in parents:
        at = at[int(key)] if isinstance(at, list) else at[key]
    if value is None:
        del at[last]
    else:
        at[last] = value
    assert f"Deployment/m: {said}" in breaches(objects)
