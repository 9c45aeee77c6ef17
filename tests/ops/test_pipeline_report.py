"""`llm report`'s Markdown from Pulumi's digest, and `llm backend`."""

import json
import re

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ops.cli import main
from ops.pipeline.backend import mistakes
from ops.pipeline.comment import MARK, with_section
from ops.pipeline.markdown import Judged, section
from ops.pipeline.planned import Change, Difference, Planned, read
from tests.support import PROJECT

URN = "urn:pulumi:prod::llm-inference::llm:index:GpuWorkload$kubernetes:apps/v1:Deployment::m-deployment"


def step(op="update", urn=URN, **fields):
    return {"op": op, "urn": urn, "newState": {"custom": True}, **fields}


def digest(*steps, **fields):
    return {"steps": steps, "changeSummary": {"same": 30}, **fields}


def test_an_update_says_each_property_before_and_after():
    planned = read(
        digest(
            step(
                detailedDiff={
                    "spec.containers[1].args[0]": {"kind": "update", "inputDiff": True},
                    'metadata.labels["a.b/c"]': {"kind": "add", "inputDiff": True},
                    "__provider": {"kind": "update", "inputDiff": True},
                },
                oldState={"custom": True, "inputs": {"spec": {"containers": [{}, {"args": ["--old"]}]}}},
                newState={
                    "custom": True,
                    "inputs": {
                        "spec": {"containers": [{}, {"args": ["--new"]}]},
                        "metadata": {"labels": {"a.b/c": "[secret]"}},
                    },
                },
            )
        )
    )
    assert planned.changes[0].differences == [
        Difference("spec.containers[1].args[0]", "--old", "--new"),
        Difference('metadata.labels["a.b/c"]', "", "[secret]"),
    ]
    shown = section("prod", planned, Judged())
    assert "* update `m-deployment` (Deployment)" in shown
    assert "  * `spec.containers[1].args[0]`: `--old` → `--new`" in shown


def test_a_replacement_counts_once_and_says_what_forces_it():
    """As the Pulumi CLI lists it: three steps, and the stack and components beside it."""
    replaced = [step(op, replaceReasons=["spec.x"]) for op in ("create-replacement", "replace", "delete-replaced")]
    stack = step("same", "urn:pulumi:prod::llm-inference::pulumi:pulumi:Stack::llm-inference-prod")
    component = step("create", URN.replace("$kubernetes:apps/v1:Deployment", ""), newState={"custom": False})
    planned = read(digest(stack, component, *replaced, step("refresh", f"{URN}2"), step("delete", f"{URN}3")))
    assert planned.counts == {"delete": 1, "replace": 1}
    shown = section("prod", planned, Judged())
    assert shown.startswith("## Stack `prod`: **1 to be deleted**, **1 to be replaced**\n")
    assert "* **replace** `m-deployment` (Deployment), because of `spec.x`" in shown
    assert shown.index("**delete**") < shown.index("**replace** `m")


def test_warnings_and_refusals_are_told():
    told = [
        {"severity": "warning", "message": "warning: the only replica stops for 9 min\n", "urn": URN},
        {"severity": "info", "message": "by the way"},
    ]
    judged = Judged(refused=["refused m-deployment: image-by-digest: no"], asked="26 rules were put to 33 resources")
    shown = section("prod", read(digest(diagnostics=told)), judged)
    assert "**1 refused by the policies**" in shown.splitlines()[0]
    assert "* `m-deployment: the only replica stops for 9 min`" in shown
    assert "* `refused m-deployment: image-by-digest: no`" in shown
    assert "26 rules were put to 33 resources: 1 refused, 0 told." in shown
    assert "by the way" not in shown


def test_a_preview_that_the_policies_end_has_not_failed_otherwise():
    """Neither engine's JSON tells that as an error."""
    planned = read(digest(step("create")), failed=True)
    shown = section("prod", planned, Judged(refused=["refused m-deployment: image-by-digest: no"]))
    assert shown.splitlines()[0] == "## Stack `prod`: 1 to be created, **1 refused by the policies**"
    assert section("prod", planned, Judged()).startswith("## Stack `prod`: **the preview failed**")


def test_a_failed_preview_shows_its_errors():
    error = {"severity": "error", "message": "error: Pulumi.prod.yaml is refused: 1 mistake"}
    shown = section("prod", read(digest(diagnostics=[error]), failed=True), Judged(failure="the same"))
    assert shown.startswith("## Stack `prod`: **the preview failed**")
    assert "Pulumi.prod.yaml is refused: 1 mistake" in shown
    assert "the same" not in shown


def test_more_properties_than_anybody_reads_are_counted():
    differences = [Difference(f"spec.x{number}", "a", "b") for number in range(14)]
    shown = section("prod", Planned([Change("update", "a:b:C", "c", differences)]), Judged())
    assert "`spec.x11`" in shown
    assert "spec.x12" not in shown
    assert "  * and 2 more" in shown


at_any_speed = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

TEXTS = st.text(st.sampled_from("ab `\n|<>@[]()*!-é"), max_size=12)
CHANGES = st.builds(
    Change,
    st.sampled_from(["create", "update", "replace", "delete", "import"]),
    TEXTS,
    TEXTS,
    st.lists(st.builds(Difference, TEXTS, TEXTS, TEXTS), max_size=3),
    st.lists(TEXTS, max_size=2),
)
PLANNED = st.builds(Planned, st.lists(CHANGES, max_size=4), st.lists(TEXTS, max_size=3), st.lists(TEXTS, max_size=3))


@at_any_speed
@given(planned=PLANNED, refused=st.lists(TEXTS, max_size=3), limit=st.integers(200, 600))
def test_a_section_is_never_longer_than_it_may_be(planned, refused, limit):
    assert len(section("dev", planned, Judged(refused=refused), limit=limit)) <= limit


@at_any_speed
@given(text=st.text(max_size=200))
def test_what_others_wrote_stays_text(text):
    """Between the backticks of a span there is no run of as many: nothing ends it early, nothing becomes markup."""
    shown = section("dev", Planned(warnings=[text]), Judged()).split("\n* ", 1)[1].rstrip("\n")
    fence = re.match("`+", shown)[0]
    assert shown.endswith(fence)
    assert not re.search(f"(?<!`){fence}(?!`)", shown[len(fence) : -len(fence)])


@at_any_speed
@given(text=st.text(max_size=100), other=st.text(max_size=100))
def test_sections_keep_to_themselves(text, other):
    first = with_section(None, "dev", text)
    both = with_section(first, "prod", f"{other}<!-- end of dev -->")
    assert both.startswith(MARK)
    assert with_section(both, "dev", text) == both
    renewed = with_section(both, "dev", "new")
    assert renewed.count("<!-- llm report of") == 2
    assert both[both.index("<!-- llm report of prod") :] == renewed[renewed.index("<!-- llm report of prod") :]


PASSPHRASE = {"PULUMI_CONFIG_PASSPHRASE": "of-the-tests"}
BUCKET = {"PULUMI_BACKEND_URL": "s3://states?region=eu-central-1"}


@pytest.mark.parametrize(
    ("provider", "environment", "said"),
    [
        ("", {}, ["PULUMI_BACKEND_URL is not set", "Nothing can read the stack's secrets"]),
        ("", {"PULUMI_BACKEND_URL": "file:///state", **PASSPHRASE}, ["files of a runner are gone with it"]),
        ("", {"PULUMI_BACKEND_URL": "state", **PASSPHRASE}, ["files of a runner are gone with it"]),
        ("", {"PULUMI_BACKEND_URL": "ftp://a/b", **PASSPHRASE}, ["the scheme ftp"]),
        ("", {"PULUMI_BACKEND_URL": "https://api.pulumi.com"}, ["PULUMI_ACCESS_TOKEN is not set"]),
        ("", BUCKET, ["Nothing can read the stack's secrets"]),
        ("passphrase", BUCKET, ["Nothing can read the stack's secrets"]),
        ("", {**BUCKET, "PULUMI_CONFIG_PASSPHRASE": ""}, ["Nothing can read the stack's secrets"]),
        ("", {**BUCKET, **PASSPHRASE}, []),
        ("gcpkms://projects/p/locations/l/keyRings/r/cryptoKeys/k", BUCKET, []),
        ("", {"PULUMI_BACKEND_URL": "https://api.pulumi.com", "PULUMI_ACCESS_TOKEN": "of-the-tests"}, []),
    ],
)
def test_where_state_and_secrets_must_not_be(provider, environment, said):
    found = mistakes(provider, environment)
    assert len(found) == len(said)
    for mistake, text in zip(found, said, strict=True):
        assert text in mistake


def backend(stack, monkeypatch, **environment):
    for name in ("PULUMI_BACKEND_URL", "PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE"):
        monkeypatch.delenv(name, raising=False)
    result = CliRunner().invoke(main, ["backend", "--stack", stack], env=environment)
    return result.exit_code, result.output


def test_a_state_in_files_is_refused_for_prod_and_is_the_labs_own_way(monkeypatch):
    monkeypatch.chdir(PROJECT.root)
    code, said = backend("prod", monkeypatch, PULUMI_BACKEND_URL="file:///home/runner/state", **PASSPHRASE)
    assert (code, "Stack prod must not be touched from here" in said) == (1, True)
    assert PASSPHRASE["PULUMI_CONFIG_PASSPHRASE"] not in said
    assert backend("prod", monkeypatch, **BUCKET, **PASSPHRASE) == (0, "Stack prod: state at s3://states.\n")
    assert backend("dev", monkeypatch)[0] == 0


def test_a_labs_stack_that_rents_endpoints_needs_a_state_that_lasts(monkeypatch, tmp_path):
    (tmp_path / "Pulumi.yaml").write_text("name: llm-inference\n")
    config = {
        "llm-inference:cluster": {"context": "lab", "id": "lab"},
        "llm-inference:huggingface": {"namespace": "acme"},
        "llm-inference:models": {"m": {"target": "endpoint"}},
    }
    (tmp_path / "Pulumi.dev.yaml").write_text(json.dumps({"config": config}))
    monkeypatch.chdir(tmp_path)
    assert backend("dev", monkeypatch)[0] == 1
