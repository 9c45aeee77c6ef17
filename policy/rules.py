"""All rules, and what they say of an object, whoever describes it: the program or a chart."""

from policy import endpoints, gpus, images, network, owners, pod_security, scaling, secret_values, serving
from policy.rule import Rule

RULES: tuple[Rule, ...] = tuple(
    rule
    for module in (images, pod_security, gpus, serving, secret_values, network, scaling, endpoints, owners)
    for rule in module.RULES
)

NAMES = frozenset(rule.name for rule in RULES)
