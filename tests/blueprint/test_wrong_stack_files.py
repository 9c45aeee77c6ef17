"""Wrong stack files: each mistake is refused alone, on one line, with key, value and remedy."""

import functools
import itertools
import re

import pytest

from blueprint.issues import DescriptionError, Issue, KeyPath
from blueprint.stack import resolve_stack
from tests.blueprint import stack_files
from tests.blueprint.canary_mistakes import CANARY_MISTAKES, TRIED
from tests.blueprint.collector_mistakes import COLLECTOR_MISTAKES
from tests.blueprint.endpoint_mistakes import ENDPOINT_MISTAKES
from tests.blueprint.engine_mistakes import ENGINE_MISTAKES
from tests.blueprint.exposure_mistakes import EXPOSURE_MISTAKES, INGRESS, OWN, SHARED
from tests.blueprint.image_mistakes import IMAGE_MISTAKES, IMAGES
from tests.blueprint.lifecycle_mistakes import LIFECYCLE_MISTAKES
from tests.blueprint.llm_d_mistakes import LLM_D_MISTAKES
from tests.blueprint.load_mistakes import LOAD_MISTAKES
from tests.blueprint.mistakes import MISTAKES, Mistake
from tests.blueprint.monitoring_mistakes import MONITORING_MISTAKES, WATCHING
from tests.blueprint.monitoring_mistakes import OWN as OWN_MONITORING
from tests.blueprint.objectives_mistakes import OBJECTIVES_MISTAKES
from tests.blueprint.parallel_mistakes import PARALLEL_MISTAKES
from tests.blueprint.scaling_mistakes import SCALING_MISTAKES
from tests.blueprint.stack_files import (
    DELETE,
    ENDPOINT,
    ENDPOINTS,
    LAB,
    LAB_ENDPOINTS,
    MODEL,
    PROD,
    edited,
    mistakes,
    refusal,
)
from tests.blueprint.weights_mistakes import WEIGHTS_MISTAKES

ALL_MISTAKES = {
    **MISTAKES,
    **CANARY_MISTAKES,
    **LIFECYCLE_MISTAKES,
    **LLM_D_MISTAKES,
    **LOAD_MISTAKES,
    **PARALLEL_MISTAKES,
    **WEIGHTS_MISTAKES,
    **SCALING_MISTAKES,
    **COLLECTOR_MISTAKES,
    **EXPOSURE_MISTAKES,
    **ENDPOINT_MISTAKES,
    **ENGINE_MISTAKES,
    **IMAGE_MISTAKES,
    **MONITORING_MISTAKES,
    **OBJECTIVES_MISTAKES,
}


@pytest.mark.parametrize(
    "base",
    [PROD, LAB, ENDPOINTS, LAB_ENDPOINTS, SHARED, TRIED, OWN, INGRESS, IMAGES, OWN_MONITORING, WATCHING],
    ids=[
        "prod",
        "lab",
        "endpoints",
        "endpoints of the lab",
        "existing gateway",
        "canary",
        "own gateway",
        "ingress",
        "images",
        "own monitoring",
        "watched endpoints",
    ],
)
def test_the_files_that_are_broken_here_are_valid(base):
    assert mistakes(base) == []


@pytest.mark.parametrize("mistake", ALL_MISTAKES.values(), ids=ALL_MISTAKES)
def test_a_mistake_is_refused_with_key_value_and_remedy_and_nothing_else(mistake):
    error = refusal(edited(mistake.base, mistake.edit))
    assert error is not None
    head, *lines = str(error).split("\n")
    assert head.startswith("Pulumi.prod.yaml is refused: ")
    assert sorted(".".join(issue.path) for issue in error.issues) == sorted(mistake.says)
    assert len(lines) == len(mistake.says)
    for key, (problem, remedy) in mistake.says.items():
        (line,) = (line for line in lines if line.startswith(f"  Pulumi.prod.yaml: {key}: "))
        assert problem in line
        assert remedy in line[line.index(problem) + len(problem) :]
        assert line.isprintable()
        assert line.endswith((".", "?"))
        assert len(line) < 500


@pytest.mark.parametrize("every", [23, pytest.param(1, marks=pytest.mark.prove)])
def test_any_two_mistakes_in_one_file_give_both_messages(every):
    """Pairs whose edits meet are left out: what one says of a key, the other may have changed.

    There are tens of thousands; every 23rd comes across all files, and the others are proved.
    """
    pairs = [pair for pair in itertools.combinations(ALL_MISTAKES.items(), 2) if pair[0][1].base is pair[1][1].base]
    pairs = pairs[::every]
    together = 0
    for (name, one), (other_name, other) in pairs:
        if _meet(one, other) or _meet(other, one):
            continue
        found = {_said(issue) for issue in mistakes(edited(one.base, one.edit, other.edit))}
        expected = {_said(issue) for mistake in (one, other) for issue in _alone(mistake)}
        assert found == expected, f"{name} + {other_name}"
        together += 1
    # The rule must not quietly leave out everything.
    assert together > 0.7 * len(pairs)


def _said(issue: Issue) -> tuple[KeyPath, str]:
    """A message without its numbers: a sum over all models may differ when there are two mistakes."""
    return issue.path, re.sub(r"\(.*\)|[\d,.]+", "", issue.problem)


@functools.cache
def _alone(mistake: Mistake) -> list[Issue]:
    return mistakes(edited(mistake.base, mistake.edit))


def _meet(one: Mistake, other: Mistake) -> bool:
    """Whether an edit of one touches what the other wrote, is found at, or rests on."""
    rests_on = {path for issue in _alone(other) for path in (issue.path, *issue.reads)}
    return any(_touch(edit, path) for edit in _edits(one) for path in rests_on | set(_edits(other)))


def _edits(mistake: Mistake) -> list[KeyPath]:
    """The keys that an edit changed; without its target or name, nothing in a model or an engine can be read."""
    paths = [tuple(key.split(".")) for key in mistake.edit]
    return [path[:-1] if path[-1] == "target" or path[-2:] == ("engine", "name") else path for path in paths]


def _touch(one: KeyPath, other: KeyPath) -> bool:
    shorter = min(len(one), len(other))
    return one[:shorter] == other[:shorter]


def test_the_file_of_the_stack_is_named():
    with pytest.raises(DescriptionError, match=r"^Pulumi\.eu\.yaml is refused: 1 mistake, nothing was touched\."):
        resolve_stack("eu", edited(PROD, {"models": DELETE}), stack_files.MODELS_LOCK, stack_files.IMAGES_LOCK)


TOKEN = "hf_" + "aBcDeFgHiJ" * 3
"""Looks like a token of the Hub, and is none."""


PINNED = {"repository": "registry.example.com/x", "tag": "1"}


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("huggingface.hubReadSecret", TOKEN),
        ("huggingface.hubReadSecret", {"name": TOKEN, "key": "token"}),
        ("huggingface.hubReadSecret", {"name": "hf-secret", "key": f"{TOKEN} "}),
        ("huggingface.namespace", [TOKEN]),
        ("huggingface", TOKEN),
        (f"huggingface.{TOKEN}", True),
        ("token", TOKEN),
        (TOKEN, "token"),
        ("models.m.token", TOKEN),
        ("models.m.owner", f"{TOKEN}\n"),
        ("models.m.owner", {"token": TOKEN}),
        ("models.m.revision", f" {TOKEN}"),
        ("models.m.revision", TOKEN),
        ("models.m.formerly", [TOKEN]),
        ("models.m.accelerator.type", TOKEN),
        ("models.m.engine.version", TOKEN),
        ("models.m.engine.maxModelLen", "x" * 90 + TOKEN),
        ("models.m.target", TOKEN),
        (f"models.{TOKEN}", MODEL),
        ("monitoring.labels", f"token: {TOKEN}"),
        ("cluster.accelerators", {TOKEN: {"available": 1}}),
        ("models.e", {**ENDPOINT, "environment": {"ANY": TOKEN}}),
        ("models.e", {**ENDPOINT, "environment": {TOKEN + " ": "x"}}),
        ("models.e", {**ENDPOINT, "secrets": {"HF_TOKEN": TOKEN}}),
        ("models.e", {**ENDPOINT, "secrets": TOKEN}),
        ("models.e", {**ENDPOINT, "tags": [TOKEN]}),
        ("images.server", {"repository": "registry.example.com/x", "tag": TOKEN}),
        ("images", {"server": {**PINNED, "build": {"context": "x", "args": {"ANY": TOKEN}}}}),
        ("images", {"server": {**PINNED, "build": {"context": "x", "args": {TOKEN + " ": "x"}}}}),
        ("images", {"server": {**PINNED, "build": {"context": "x", "registry": {"password": TOKEN}}}}),
        ("models.e", {**ENDPOINT, "endpointName": TOKEN}),
        ("models.e", {**ENDPOINT, "engine": {"name": "custom", "image": TOKEN, "args": [f"--token={TOKEN}"]}}),
    ],
)
def test_a_token_in_the_wrong_place_never_reaches_a_message(key, value):
    error = refusal(edited(PROD, {key: value}))
    assert error is not None
    assert TOKEN[:20] not in str(error)
    assert TOKEN[-20:] not in str(error)


@pytest.mark.parametrize(
    "edit",
    [
        {"models.e.secrets": {"API_KEY": "swordfish, no name"}},
        {"models.e.secrets": ["swordfish, no name"]},
        {"models.e-custom.engine.registry.password": "swordfish, no name"},
        {"models.e-custom.engine.registry": "swordfish, no name"},
        {"huggingface.namespace": "swordfish, no name"},
        {"images": {"server": {**PINNED, "build": {"context": "x", "registry": "swordfish, no name"}}}},
        {"images": {"server": {**PINNED, "build": {"context": "x", "registry": {"password": "swordfish, no name"}}}}},
    ],
)
def test_a_password_in_the_place_of_a_name_never_reaches_a_message(edit):
    """It has no form by which it could be told and masked."""
    error = refusal(edited(ENDPOINTS, edit))
    assert error is not None
    assert "swordfish" not in str(error)
