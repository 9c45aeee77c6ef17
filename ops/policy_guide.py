"""docs/policies.md, from the rules."""

from collections.abc import Iterator

from policy.rule import Rule
from policy.rules import RULES
from policy.settings import FILE, Excuse, StackRules

_HEAD = f"""\
# Policies

Written by `make generate` from the rules in `policy/`.

{len(RULES)} rules judge what a stack would register: every object of the program, and every object inside a Helm
release. `make up` and `make preview` ask them, in the lab's engine and under the Pulumi CLI
(`--policy-pack policy`); a mandatory one that is broken stops `up` before anything is touched. Without deploying:

    make policy STACK=prod          # or: llm policy --stack prod; exit code 1 when something is refused
    llm policy --list               # the rules and their reasons

A value that is known only during `up`, such as the digest of an image that it builds, is judged then, before
its resource is made. Whether a rule is mandatory can be changed for a stack in Pulumi's own way:
`--policy-pack-config` with `{{"image-by-digest": "mandatory"}}`.

## What a stack allows, and what is excused

`{FILE}`, by stack. Without it everything is allowed and nothing excused. A mistake in it stops the preview.

```yaml
prod:
  registries: [docker.io/vllm/, ghcr.io/my-team/]
  endpointRegions: [aws/us-east-1]
  endpointInstances: [nvidia-l4/x1, nvidia-a10g/x1]
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
    yield "Every preview tells which exceptions it uses (`exceptions-in-use`); `llm policy` tells which nothing needs."


def _rules() -> Iterator[str]:
    yield "| rule | asks for | otherwise | what to do |"
    yield "|---|---|---|---|"
    for rule in RULES:
        yield f"| `{rule.name}`{_level(rule)} | {rule.description} | {rule.why} | {rule.remedy} |"


def _level(rule: Rule) -> str:
    return "" if rule.mandatory else ", advisory"
