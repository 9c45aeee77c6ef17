"""docs/policies.md, from the rules."""

from collections.abc import Iterator, Sequence

from policy.rule import Rule
from policy.rules import ALL, RULES, STACK_RULES
from policy.settings import FILE, Excuse, StackRules
from policy.stack import StackRule

_HEAD = f"""\
# Policies

Written by `make generate` from the rules in `policy/`.

{len(ALL)} rules judge what a stack would register: every object of the program, and every object inside a Helm
release; {len(STACK_RULES)} of them judge all objects together. `make up` and `make preview` ask them, in the lab's
engine and under the Pulumi CLI (`--policy-pack policy`); a mandatory one that is broken stops `up` before anything is
touched. Without deploying:

    make policy STACK=prod          # or: llm policy --stack prod; exit code 1 when something is refused
    llm policy --list               # the rules and their reasons

A value that is known only during `up`, such as the digest of an image that it builds, is judged then, before
its resource is made. What all objects come to is judged in the preview that `up` begins with, and once more at its
end: `pulumi up --skip-preview` judges it too late.

## What a stack allows, and what is excused

`{FILE}`, by stack. Without it everything is allowed and nothing excused. A mistake in it stops the preview.

```yaml
prod:
  namespaces: [llm]
  accelerators: [nvidia-l4]
  registries: [docker.io/vllm/, ghcr.io/my-team/]
  licences: [apache-2.0, mit]
  endpointRegions: [aws/us-east-1]
  endpointInstances: [nvidia-l4/x1, nvidia-a10g/x1]
  protected: true
  levels: {{image-by-digest: mandatory}}
  exceptions:
    - rule: no-remote-code
      resource: search-answers-deployment
      reason: its architecture comes with vLLM 0.34, which we test until then
      until: 2027-01-31
```

"""


def policy_guide() -> str:
    """The page."""
    return _HEAD + "\n".join([*_settings(), "", "## The rules", "", *_rules()]) + "\n"


def _settings() -> Iterator[str]:
    yield "| key | |"
    yield "|---|---|"
    for name, info in StackRules.model_fields.items():
        if info.description:
            yield f"| `{info.alias or name}` | {info.description} |"
    for name, info in Excuse.model_fields.items():
        yield f"| `exceptions[].{name}` | {info.description} |"
    yield ""
    yield "Every preview tells which exceptions it uses (`exceptions-in-use`, `stack-exceptions-in-use`); `llm policy`"
    yield "tells which nothing needs. Pulumi's own `--policy-pack-config` goes before `levels`."
    yield ""
    yield "What the stack may cost is said once, in its own file: `budget.monthlyUsd`, with the prices of GPUs in"
    yield "`cluster.accelerators.NAME.hourlyUsd`. A price that nobody gave is unknown (`prices-known`), and never 0."
    yield ""
    yield "A model's licence is what `models.lock.yaml` has of its commit; `llm lock` writes there what the Hub says. A"
    yield "licence that the lock does not know is refused, too, and so are weights from a path or a bucket, of which"
    yield "nobody says what they are: excuse the resource, or make `licence-allowed` advisory."


def _rules() -> Iterator[str]:
    yield "About one object each:"
    yield ""
    yield from _table(RULES)
    yield ""
    yield "About all objects of a stack together:"
    yield ""
    yield from _table(STACK_RULES)


def _table(rules: Sequence[Rule | StackRule]) -> Iterator[str]:
    yield "| rule | asks for | otherwise | what to do |"
    yield "|---|---|---|---|"
    for rule in rules:
        level = "" if rule.mandatory else ", advisory"
        yield f"| `{rule.name}`{level} | {rule.description} | {rule.why} | {rule.remedy} |"
