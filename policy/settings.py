"""What the rules ask of each stack, from policy/stacks.yaml: what is allowed, and what is excused until when."""

from collections.abc import Mapping
from datetime import date
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

FILE = Path("policy/stacks.yaml")


class SettingsError(Exception):
    """A mistake in the file, with the key, the value and what to write instead."""


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Excuse(_Model):
    """One resource that may break one rule for a while."""

    rule: str = Field(description="Name of the rule.")
    resource: str = Field(min_length=1, description="Name of the resource, as a preview shows it.")
    reason: str = Field(min_length=10, description="Why, for whoever reads it in a year.")
    until: date = Field(description="Last day on which it counts; afterwards the rule holds again.")


class StackRules(_Model):
    """What one stack allows and excuses. An empty list allows everything."""

    registries: tuple[str, ...] = Field(
        default=(), description="Beginnings of the images that may run, such as docker.io/vllm/ or ghcr.io/team/."
    )
    endpoint_regions: tuple[str, ...] = Field(
        default=(),
        alias="endpointRegions",
        description="Where endpoints may run: vendor/region, such as aws/us-east-1.",
    )
    endpoint_instances: tuple[str, ...] = Field(
        default=(),
        alias="endpointInstances",
        description="Instance types of endpoints: type/size, such as nvidia-l4/x1.",
    )
    exceptions: tuple[Excuse, ...] = ()


_STACKS = TypeAdapter(dict[str, StackRules])


EVERYTHING = StackRules()
"""Of a stack that the file says nothing about: all is allowed, and nothing excused."""


def read_stacks(root: Path, known: frozenset[str]) -> Mapping[str, StackRules]:
    """By stack, what it allows and excuses; none without a file.

    root: of the project. known: names of the rules. Raises SettingsError.
    """
    try:
        given = yaml.safe_load((root / FILE).read_text())
    except FileNotFoundError:
        return {}
    except yaml.YAMLError as error:
        raise SettingsError(f"{FILE} is no YAML: {error}") from None
    try:
        stacks = _STACKS.validate_python(given or {})
    except ValidationError as error:
        raise SettingsError("\n".join(_sentences(error))) from None
    for stack, rules in stacks.items():
        for index, one in enumerate(rules.exceptions):
            if one.rule not in known:
                raise SettingsError(
                    f"{FILE}: {stack}.exceptions.{index}.rule: {one.rule} is no rule. `llm policy --list` names them."
                )
    return stacks


def _sentences(error: ValidationError) -> list[str]:
    return [
        f"{FILE}: {'.'.join(map(str, one['loc']))}: {one['msg']}, not {one['input']!r}. docs/policies.md shows how."
        for one in error.errors()
    ]
