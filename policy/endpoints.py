"""Rules about Hugging Face Inference Endpoints."""

import re

from policy.reading import UNKNOWN, each, get, number
from policy.rule import Found, Properties, Rule, of_kinds
from policy.settings import StackRules

KIND = "pulumi-python:dynamic/hf:Endpoint"
_COMMIT = re.compile(r"[0-9a-f]{40}")


@of_kinds(KIND)
def _moving(endpoint: Properties) -> Found:
    revision = get(endpoint, "body", "model", "revision")
    if revision is not UNKNOWN and not _COMMIT.fullmatch(str(revision or "")):
        yield f"it serves revision {revision or 'main'}, which is no commit"


@of_kinds(KIND)
def _public(endpoint: Properties) -> Found:
    if get(endpoint, "body", "type") == "public":
        yield "it answers whoever asks"


@of_kinds(KIND)
def _unbounded(endpoint: Properties) -> Found:
    scaling = get(endpoint, "body", "compute", "scaling")
    most = get(scaling, "maxReplica")
    if most is None:
        yield "it has no maximum of replicas"
    if number(get(scaling, "minReplica")) == 0 and get(scaling, "scaleToZeroTimeout") is None:
        yield "it may go to zero replicas, and nobody says when"


@of_kinds(KIND)
def _nobodys(endpoint: Properties) -> Found:
    if get(endpoint, "body", "tags") is not UNKNOWN and not any(
        str(tag).startswith("owner:") for tag in each(endpoint, "body", "tags")
    ):
        yield "no tag says whose it is"


def _awake(kind: str, endpoint: Properties, allowed: StackRules) -> Found:
    least = number(get(endpoint, "body", "compute", "scaling", "minReplica"))
    if kind == KIND and allowed.endpoints_sleep and least:
        yield f"it keeps {least} replicas, asked or not"


def _elsewhere(kind: str, endpoint: Properties, allowed: StackRules) -> Found:
    if kind != KIND:
        return
    parts = (
        (allowed.endpoint_regions, ("provider",), ("vendor", "region"), "runs in"),
        (allowed.endpoint_instances, ("compute",), ("instanceType", "instanceSize"), "runs on"),
    )
    for listed, path, keys, how in parts:
        values = [get(endpoint, "body", *path, key) for key in keys]
        if listed and UNKNOWN not in values and "/".join(map(str, values)) not in listed:
            yield f"it {how} {'/'.join(map(str, values))}, which is none of {', '.join(listed)}"


RULES = (
    Rule(
        name="endpoint-where-allowed",
        description="Endpoints run in the regions and on the instances that the stack allows.",
        why="Prompts may have to stay in a region, and the largest instance costs a hundred times the smallest.",
        remedy="Choose another, or add it to policy/stacks.yaml.",
        mandatory=True,
        of=_elsewhere,
    ),
    Rule(
        name="endpoint-revision-pinned",
        description="An endpoint serves a commit of its model.",
        why="A branch moves, and a replica that starts tomorrow would serve other weights than today's.",
        remedy="Run `llm lock`.",
        mandatory=True,
        of=_moving,
    ),
    Rule(
        name="endpoint-access",
        description="Endpoints ask for a token.",
        why="Whoever finds the address of a public one spends your money.",
        remedy="Use access: protected or private.",
        mandatory=False,
        of=_public,
    ),
    Rule(
        name="endpoint-bounded",
        description="Endpoints have a maximum of replicas, and a time after which they go to zero where they may.",
        why="Each replica is billed by the minute, idle or not.",
        remedy="Set scaling.max, and scaling.scaleToZeroMinutes.",
        mandatory=True,
        of=_unbounded,
    ),
    Rule(
        name="endpoint-sleeps",
        description="Endpoints go to zero replicas when nobody asks, where the stack says so.",
        why="What people try out during the day is billed through the night.",
        remedy="Set scaling.min: 0.",
        mandatory=True,
        of=_awake,
    ),
    Rule(
        name="endpoint-owned",
        description="Endpoints have a tag with their owner.",
        why="Nobody can ask why it runs, and whether it may go.",
        remedy="Set owner.",
        mandatory=False,
        of=_nobodys,
    ),
)
