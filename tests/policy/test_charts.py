"""The objects of Helm releases, judged by the same pack as the program's own."""

import pytest

from blueprint.helm import RELEASE
from tests.house.helm_stand_in import deployment, stand_in, without_helm
from tests.policy.test_pack import judge, started
from tests.support import PROJECT

INPUTS = {"name": "m", "namespace": "llm", "chart": "c", "values": {"replicas": 1, "list": ["a"]}}


def pack(environment):
    return started(PROJECT.root / "policy", PROJECT.root / "policy", environment)


@pytest.mark.parametrize(
    ("container", "broken"),
    [
        ({}, set()),
        ({"image": "a:latest"}, {"image-by-digest"}),
        ({"securityContext": {"privileged": True}}, {"no-privileged-container", "pod-security-restricted"}),
    ],
)
def test_each_rule_judges_what_a_chart_makes(tmp_path, container, broken):
    with pack(stand_in(tmp_path, deployment(**container))) as stub:
        found = judge(stub, RELEASE, INPUTS)
    assert found.keys() == broken
    for message in found.values():
        assert 'Deployment m-decode: container "engine"' in message


def test_a_machine_without_helm_says_that_nobody_judged():
    with pack(without_helm()) as stub:
        found = judge(stub, RELEASE, INPUTS)
    assert found.keys() == {"chart-is-judged"}
    assert "were not judged" in found["chart-is-judged"]
    assert "Install Helm" in found["chart-is-judged"]


@pytest.mark.parametrize(("hook", "broken"), [("test", set()), ("post-install, test", {"image-by-digest"})])
def test_what_only_helm_test_would_make_is_judged_by_nobody(tmp_path, hook, broken):
    made = deployment(image="a:latest")
    made["metadata"]["annotations"] = {"helm.sh/hook": hook}
    with pack(stand_in(tmp_path, deployment(), made)) as stub:
        assert judge(stub, RELEASE, INPUTS).keys() == broken
