"""Rules about a stack as a whole: what breaks them and what does not, in Pulumi's own host and as plain objects."""

import contextlib
import copy
import json
from datetime import date

import pytest
import yaml
from google.protobuf import struct_pb2
from hypothesis import given, settings
from hypothesis import strategies as st
from pulumi.runtime.proto import analyzer_pb2
from pulumi_policy.proxy import UNKNOWN_STRING_VALUE, unknown_checking_proxy

from blueprint.locks import MODELS_LOCK, ModelsLock
from policy.judging import Judge
from policy.prices import NO_MONEY, read_money
from policy.rules import ALL, RULES, STACK_RULES
from policy.settings import StackRules
from policy.stack import WHOLE, Resource, Stack
from policy.workloads import gpus_of_replica, most_replicas, surge, workloads
from tests.policy.cases import GONE, laid
from tests.policy.stack_cases import BROKEN_ONES, BROKEN_STACKS, CONFIG, LIMITS, LOCK, STACK, type_of
from tests.policy.test_pack import judge, started
from tests.policy.test_rules import SPOILT, STACKS, spoil
from tests.support import copy_project, lab_config, registered, wire


@pytest.fixture(scope="module")
def pack(tmp_path_factory):
    """Starts the pack of a checkout with LOCK, and LIMITS for stack s, with a configuration; each once."""
    checkout = tmp_path_factory.mktemp("checkout")
    copy_project(checkout)
    (checkout / "policy/stacks.yaml").write_text(yaml.safe_dump({"s": LIMITS}))
    (checkout / MODELS_LOCK).write_text(yaml.safe_dump(LOCK))
    hosts = {}
    with contextlib.ExitStack() as stack:

        def of(config):
            key = json.dumps(config)
            if key not in hosts:
                environment = {"PULUMI_CONFIG": json.dumps(wire(config))}
                hosts[key] = stack.enter_context(
                    started(checkout / "policy", tmp_path_factory.mktemp("elsewhere"), environment)
                )
            return hosts[key]

        yield of


def judge_stack(stub, resources, unprotected=(), stack="s"):
    """By policy, of which resource of a stack the host says something, and all that it says."""
    items = []
    for name, properties in resources.items():
        struct = struct_pb2.Struct()
        struct.update(properties)
        items.append(
            analyzer_pb2.AnalyzerResource(
                type=type_of(properties),
                properties=struct,
                name=name,
                urn=f"urn:pulumi:{stack}::p::t::{name}",
                options=analyzer_pb2.AnalyzerResourceOptions(protect=name not in unprotected),
            )
        )
    request = analyzer_pb2.AnalyzeStackRequest(resources=items)
    found = {}
    for one in stub.AnalyzeStack(request, timeout=120).diagnostics:
        _, before = found.get(one.policyName, ("", ""))
        found[one.policyName] = one.urn.rpartition("::")[2], before + one.message
    return found


def stack_of(resources, config=CONFIG, limits=LIMITS, **protected):
    """Plain objects as a stack."""
    allowed = StackRules.model_validate(limits)
    return Stack(
        resources=[
            Resource(kind=item.get("kind", type_of(item)), name=name, properties=item, protected=protected.get(name))
            for name, item in resources.items()
        ],
        allowed=allowed,
        money=read_money(config),
        lock=ModelsLock.model_validate(LOCK),
    )


def broken_by(stack):
    return {rule.name for rule in STACK_RULES if list(rule.judge(stack))}


def test_what_a_canary_downloaded_goes_with_it():
    """`llm canary withdraw` deletes its claim, which Pulumi would refuse of a protected one."""
    (of_claims,) = (rule for rule in STACK_RULES if rule.name == "claims-protected")
    tried = laid(STACK, ("claim", "metadata", "labels"), {"llm-inference/track": "canary"})
    found = [list(of_claims.judge(stack_of(resources, claim=False))) for resources in (STACK, tried)]
    assert [len(one) for one in found] == [1, 0]


def test_the_twin_breaks_nothing(pack):
    assert judge_stack(pack(CONFIG), STACK) == {}
    assert broken_by(stack_of(STACK)) == set()
    one_by_one = [
        line
        for item in STACK.values()
        for rule in RULES
        for line in rule.judge(type_of(item), item, StackRules.model_validate(LIMITS))
    ]
    assert one_by_one == []


@pytest.mark.parametrize(
    ("rules", "resources", "unprotected", "config"),
    BROKEN_STACKS,
    ids=[f"{'-'.join(sorted(rules))}-{i}" for i, (rules, *_) in enumerate(BROKEN_STACKS)],
)
def test_each_stack_breaks_its_rules_and_no_other(pack, rules, resources, unprotected, config):
    assert judge_stack(pack(config), resources, unprotected).keys() == rules
    protected = {name: name not in unprotected for name in resources}
    assert broken_by(stack_of(resources, config, **protected)) == rules


@pytest.mark.parametrize(("rule", "name", "path", "value"), BROKEN_ONES)
def test_what_a_stack_does_not_allow_breaks_its_rule_and_no_other(pack, rule, name, path, value):
    broken = laid(STACK[name], path, value)
    assert judge(pack(CONFIG), type_of(broken), broken).keys() == {rule}
    plain, allowed = broken.get("kind", type_of(broken)), StackRules.model_validate(LIMITS)
    assert {one.name for one in RULES if list(one.judge(plain, broken, allowed))} == {rule}


def test_plain_objects_have_no_option_to_miss():
    assert broken_by(stack_of(STACK)) == set()


def test_no_stack_rule_is_without_a_case(record_testsuite_property):
    assert frozenset[str]().union(*(rules for rules, *_ in BROKEN_STACKS)) == {rule.name for rule in STACK_RULES}
    assert len({rule.name for rule in ALL}) == len(ALL)
    record_testsuite_property("policy rules about a stack", len(STACK_RULES))


def test_a_violation_names_the_resource_and_how_it_comes_about(pack):
    over = laid(STACK, ("quota", "spec", "hard", "requests.nvidia.com/gpu"), "4")
    name, message = judge_stack(pack(CONFIG), over)["gpus-within-quota"]
    assert name == "quota"
    assert "ResourceQuota gpus allows 4 nvidia.com/gpu" in message
    assert "the workloads hold 5 (m (4 + 1) x 1)" in message


def test_an_unknown_price_is_said_and_never_nothing(pack):
    dear = laid(
        laid(CONFIG, ("cluster", "accelerators", "nvidia-l4", "hourlyUsd"), GONE), ("budget", "monthlyUsd"), 1000
    )
    found = judge_stack(pack(dear), STACK)
    assert "nobody says what NVIDIA-L4 for Deployment m costs per hour" in found["prices-known"][1]
    assert "cost at least 1,460 USD a month, above 1,000" in found["cost-within-budget"][1]


def test_a_canary_counts_to_its_model_and_to_its_owner():
    canary = laid(STACK, ("model", "metadata", "name"), "m-canary")["model"]
    labels = {"llm-inference/model": "m-canary", "llm-inference/track": "canary"}
    tried = laid({"canary": canary}, ("canary", "spec", "template", "metadata", "labels"), labels)
    found = {rule.name: [clause for _, clause in rule.of(stack_of({**STACK, **tried}))] for rule in STACK_RULES}
    # One replica more, of 2 USD.
    assert found["model-within-budget"] == ["all replicas of m at their maximum cost 7,300 USD a month, above 5,840"]
    assert found["owner-within-budget"] == [
        "all replicas that team-search owns at their maximum cost 8,760 USD a month, above 7,300"
    ]


def test_a_stack_without_a_word_about_it_is_held_to_what_holds_everywhere(pack):
    loose = {name: item for name, item in STACK.items() if name not in ("network", "monitor")}
    found = judge_stack(pack({"budget": {}, "cluster": {}}), loose, unprotected=STACK, stack="other")
    assert found.keys() == {"models-isolated", "models-scraped"}


def test_where_no_operator_is_a_prometheus_looks_for_itself():
    bare = {name: item for name, item in STACK.items() if name not in ("monitor", "alerts")}
    assert broken_by(stack_of(bare)) == set()


def test_what_was_asked_for_is_judged_and_not_what_became_of_it(pack):
    """A preview knows little of the outputs."""
    stub = pack(laid(CONFIG, ("huggingface",), GONE))
    for name, item in STACK.items():
        struct = struct_pb2.Struct()
        struct.update(item)
        stub.Analyze(
            analyzer_pb2.AnalyzeRequest(
                type=type_of(item), properties=struct, name=name, urn=f"urn:pulumi:asked::p::t::{name}"
            ),
            timeout=120,
        )
    emptied = {name: {key: item[key] for key in item if key in ("apiVersion", "kind")} for name, item in STACK.items()}
    found = judge_stack(stub, emptied, stack="asked")
    assert found.keys() == {"prices-known"}
    assert "nvidia-l4/x1" in found["prices-known"][1]


def test_exceptions_of_a_stack_hold_until_their_day():
    over = laid(CONFIG, ("budget", "monthlyUsd"), 1)
    excuse = {
        "rule": "cost-within-budget",
        "resource": WHOLE,
        "reason": "until the campaign is over",
        "until": "2026-06-01",
    }
    stack = stack_of(STACK, over, {**LIMITS, "exceptions": [excuse]})
    (rule,) = (one for one in STACK_RULES if one.name == "cost-within-budget")
    ((name, before),) = Judge(stack.allowed, date(2026, 6, 1)).stack(rule, stack)
    ((_, after),) = Judge(stack.allowed, date(2026, 6, 2)).stack(rule, stack)
    assert (name, before.excused, after.excused) == (WHOLE, True, False)
    assert "Its exception ended on 2026-06-01" in after.told


def test_the_host_tells_exceptions_of_a_stack_too(tmp_path):
    copy_project(tmp_path)
    excuses = [
        {"rule": rule, "resource": name, "reason": "until the campaign is over", "until": "9999-01-01"}
        for rule, name in (("cost-within-budget", WHOLE), ("gpus-within-quota", "quota"))
    ]
    (tmp_path / "policy/stacks.yaml").write_text(yaml.safe_dump({"s": {**LIMITS, "exceptions": excuses}}))
    (tmp_path / MODELS_LOCK).write_text(yaml.safe_dump(LOCK))
    over = laid(STACK, ("quota", "spec", "hard", "requests.nvidia.com/gpu"), "4")
    environment = {"PULUMI_CONFIG": json.dumps(wire(laid(CONFIG, ("budget", "monthlyUsd"), 1)))}
    with started(tmp_path / "policy", tmp_path, environment) as stub:
        found = judge_stack(stub, over)
    assert found.keys() == {"stack-exceptions-in-use"}
    assert "quota: ResourceQuota gpus allows 4" in found["stack-exceptions-in-use"][1]


@pytest.mark.parametrize(
    ("kind", "spec", "replicas", "more", "gpus"),
    [
        ("Deployment", {}, 1, 1, 2),
        ("Deployment", {"replicas": 5}, 5, 2, 2),
        ("Deployment", {"replicas": 5, "strategy": {"type": "Recreate"}}, 5, 0, 2),
        ("StatefulSet", {"replicas": 3}, 3, 0, 2),
        ("Job", {"parallelism": 2}, 2, 0, 2),
    ],
)
def test_the_worst_case_is_what_kubernetes_makes_of_it(kind, spec, replicas, more, gpus):
    container = {"resources": {"limits": {"nvidia.com/gpu": "2"}}}
    first = {"resources": {"limits": {"nvidia.com/gpu": "1"}}}
    pod = {"spec": {"containers": [container], "initContainers": [first]}}
    item = {"kind": kind, "metadata": {"name": "w"}, "spec": {**spec, "template": pod}}
    stack = stack_of({"w": item})
    (workload,) = workloads(stack)
    found = most_replicas(stack, workload)
    assert (found, surge(workload, found), gpus_of_replica(workload)) == (replicas, more, {"nvidia.com/gpu": gpus})


def test_all_pods_of_a_group_hold_gpus():
    config = lab_config({"m": {"parallel": {"nodes": 2}, "accelerator": {"count": 4}}})
    (group,) = (one for one in registered(config) if one.type.endswith(":LeaderWorkerSet"))
    stack = stack_of({"group": group.inputs})
    (workload,) = workloads(stack)
    assert gpus_of_replica(workload) == {"nvidia.com/gpu": 8}


@pytest.mark.parametrize("config", STACKS.values(), ids=STACKS)
def test_what_the_program_registers_breaks_no_mandatory_rule(config):
    resources = [
        Resource(kind=one.type.rpartition(":")[2], name=one.name, properties=one.inputs, protected=one.protect)
        for one in registered(config)
    ]
    stack = Stack(resources=resources, allowed=StackRules(), money=NO_MONEY)
    assert [line for rule in STACK_RULES if rule.mandatory for line in rule.judge(stack)] == []


@settings(deadline=None)
@given(data=st.data())
def test_whatever_is_missing_misshapen_or_unknown_nothing_raises(data):
    changed = copy.deepcopy(STACK)
    for _ in range(data.draw(st.integers(1, 6))):
        spoil(changed, data.draw(st.integers(0, 2**32)), copy.deepcopy(data.draw(SPOILT)))
    resources = [
        Resource(kind=STACK[name].get("kind", type_of(STACK[name])), name=name, properties=unknown_checking_proxy(item))
        for name, item in changed.items()
        if isinstance(item, dict)
    ]
    allowed = StackRules.model_validate(LIMITS)
    money, lock = read_money(CONFIG), ModelsLock.model_validate(LOCK)
    for rule in STACK_RULES:
        list(rule.judge(Stack(resources=resources, allowed=allowed, money=money, lock=lock)))


@pytest.mark.parametrize("section", [None, "", [], {"accelerators": {"nvidia-l4": None}}, {"accelerators": [1]}])
def test_a_configuration_that_the_program_would_refuse_prices_nothing(section):
    assert read_money({"budget": section, "cluster": section, "huggingface": section}) == NO_MONEY


def test_unknown_names_and_labels_are_given_the_benefit_of_the_doubt():
    unknown = laid(STACK, ("model", "spec", "template", "metadata", "labels", "app"), UNKNOWN_STRING_VALUE)
    resources = {name: unknown_checking_proxy(item) for name, item in unknown.items()}
    found = broken_by(stack_of(resources))
    assert found == set()
