"""All rules, and what they say of an object, whoever describes it: the program or a chart."""

from policy import (
    capacity,
    cost,
    doors,
    endpoints,
    gpus,
    images,
    licences,
    models,
    network,
    owners,
    places,
    pod_security,
    protection,
    scaling,
    secret_values,
    serving,
)
from policy.rule import Rule
from policy.stack import StackRule

RULES: tuple[Rule, ...] = tuple(
    rule
    for module in (images, places, pod_security, gpus, serving, secret_values, network, scaling, endpoints, owners)
    for rule in module.RULES
)
"""Each judges one object at a time, before it is made."""

STACK_RULES: tuple[StackRule, ...] = tuple(
    rule for module in (models, doors, capacity, cost, licences, protection) for rule in module.RULES
)
"""Each judges all objects of a stack together; a preview does, before `up` touches anything."""

ALL: tuple[Rule | StackRule, ...] = (*RULES, *STACK_RULES)

NAMES = frozenset(rule.name for rule in ALL)
