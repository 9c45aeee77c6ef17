"""What the rules ask of each stack, from policy/stacks.yaml: what is allowed, and what is excused until when."""

from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from blueprint.accelerators import ACCELERATORS

FILE = Path("policy/stacks.yaml")


class SettingsError(Exception):
    """A mistake in the file, with the key, the value and what to write instead."""


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Excuse(_Model):
    """One resource that may break one rule for a while."""

    rule: str = Field(description="Name of the rule.")
    resource: str = Field(
        min_length=1, description="Name of the resource, as a preview shows it; `stack` for the stack as a whole."
    )
    reason: str = Field(min_length=10, description="Why, for whoever reads it in a year.")
    until: date = Field(description="Last day on which it counts; afterwards the rule holds again.")


Usd = Annotated[float, Field(gt=0)]


class StackRules(_Model):
    """What one stack allows and excuses. An empty list allows everything."""

    namespaces: tuple[str, ...] = Field(
        default=(), description="Namespaces that the stack may put things into. What has none is the cluster's."
    )
    accelerators: tuple[str, ...] = Field(
        default=(), description="Accelerators that pods may ask for, such as nvidia-l4."
    )
    registries: tuple[str, ...] = Field(
        default=(), description="Beginnings of the images that may run, such as docker.io/vllm/ or ghcr.io/team/."
    )
    licences: tuple[str, ...] = Field(
        default=(),
        description="Licences that models may have, as the Hub names them, such as apache-2.0; other/NAME for "
        "one that it calls other. Which model has which is in models.lock.yaml.",
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
    endpoint_monthly_usd: Usd | None = Field(
        default=None,
        alias="endpointMonthlyUsd",
        description="What one endpoint may cost in a month, all its replicas for 730 hours, in US dollars. Budgets and "
        "prices stand in the stack file.",
    )
    endpoints_sleep: bool = Field(
        default=False, alias="endpointsSleep", description="true: every endpoint may go to zero replicas."
    )
    public_access: bool = Field(
        default=True, alias="publicAccess", description="false: no endpoint is public, and no model without keys."
    )
    protected: bool = Field(
        default=False, description="true: claims with weights and endpoints have Pulumi's option protect."
    )
    levels: Mapping[str, Literal["mandatory", "advisory"]] = Field(
        default_factory=dict, description="By rule, whether who breaks it may deploy, where the rule says otherwise."
    )
    exceptions: tuple[Excuse, ...] = ()

    def mandatory(self, rule: str, *, usually: bool) -> bool:
        """Whether who breaks a rule does not deploy. usually: what the rule itself says."""
        return self.levels[rule] == "mandatory" if rule in self.levels else usually


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
        for key, name in _named(rules):
            if name not in known:
                raise SettingsError(f"{FILE}: {stack}.{key}: {name} is no rule. `llm policy --list` names them.")
        for name in rules.accelerators:
            if name not in ACCELERATORS:
                raise SettingsError(
                    f"{FILE}: {stack}.accelerators: {name} is no accelerator. Known: {', '.join(ACCELERATORS)}."
                )
    return stacks


def _named(rules: StackRules) -> Iterator[tuple[str, str]]:
    """Where the settings name rules, and which."""
    yield from ((f"exceptions.{index}.rule", one.rule) for index, one in enumerate(rules.exceptions))
    yield from (("levels", name) for name in rules.levels)


def _sentences(error: ValidationError) -> list[str]:
    return [
        f"{FILE}: {'.'.join(map(str, one['loc']))}: {one['msg']}, not {one['input']!r}. docs/policies.md shows how."
        for one in error.errors()
    ]
