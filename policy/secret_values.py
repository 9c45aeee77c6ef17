"""Rules about secrets: where they may stand, and who gets them."""

import re
from itertools import pairwise

from policy.pods import Pod, called
from policy.reading import UNKNOWN, each, get
from policy.rule import Found, Rule, of_pods

_SECRET = re.compile(r"(TOKEN|SECRET|PASSWORD|PASSWD|API_?KEY|PRIVATE_?KEY|ACCESS_?KEY)S?$", re.IGNORECASE)
_FLAG = re.compile(r"^--?((admin-)?api-key|(hf-|huggingface-)?token|password)(=|$)", re.IGNORECASE)
_MANAGEMENT = re.compile(r"endpoints?[-_.]?(management[-_.]?)?token|management[-_.]?token", re.IGNORECASE)
_VARIABLE = re.compile(r"\$\([A-Za-z_][A-Za-z0-9_]*\)|\$\{?[A-Za-z_]")


def _in_clear(pod: Pod) -> Found:
    for container in pod.containers:
        for variable in each(container, "env"):
            name, value = get(variable, "name"), get(variable, "value")
            if value not in (None, "", UNKNOWN) and _SECRET.search(str(name)) and not _VARIABLE.match(str(value)):
                yield f"{called(container)} has the value of {name} in its spec"
        for key in ("command", "args"):
            words = [str(one) for one in each(container, key)]
            for word, following in pairwise([*words, ""]):
                flag, equals, value = word.partition("=")
                if not _FLAG.match(word):
                    continue
                given = value if equals else following
                if given and not given.startswith("-") and not _VARIABLE.match(given):
                    yield f"{called(container)} gets a secret after {flag} on its command line"


def _manages(pod: Pod) -> Found:
    for container in pod.containers:
        for variable in each(container, "env"):
            reference = get(variable, "valueFrom", "secretKeyRef")
            names = [get(variable, "name"), get(reference, "name"), get(reference, "key")]
            if any(_MANAGEMENT.search(str(name)) for name in names):
                yield f"{called(container)} gets {get(variable, 'name')}, a token that manages endpoints"
        for source in each(container, "envFrom"):
            if _MANAGEMENT.search(str(get(source, "secretRef", "name"))):
                yield f"{called(container)} gets all of a Secret with a token that manages endpoints"
    for volume in each(pod.spec, "volumes"):
        held = get(volume, "secret")
        names = [get(held, "secretName"), *(get(item, "key") for item in each(held, "items"))]
        if any(_MANAGEMENT.search(str(name)) for name in names):
            yield f'volume "{get(volume, "name")}" holds a token that manages endpoints'


def _speaks_to_the_api_server(pod: Pod) -> Found:
    if pod.holds_gpus and get(pod.spec, "automountServiceAccountToken") not in (False, UNKNOWN):
        yield "the pod holds GPUs and gets a token of the API server"


RULES = (
    Rule(
        name="secrets-by-reference",
        description="Tokens, keys and passwords are references to Secrets.",
        why="A spec is read by everybody who may look at pods, and a command line by everybody on the node.",
        remedy="Use valueFrom.secretKeyRef, or a file from a Secret.",
        mandatory=True,
        of=of_pods(_in_clear),
    ),
    Rule(
        name="no-management-token",
        description="No pod gets a token that makes and deletes Inference Endpoints, such as HF_ENDPOINTS_TOKEN.",
        why="Whoever takes the pod over rents GPUs in your name, and deletes what serves.",
        remedy="Give the token to whoever runs `up`, and pods one that only reads.",
        mandatory=True,
        of=of_pods(_manages),
    ),
    Rule(
        name="no-cluster-token",
        description="Pods with GPUs get no token of the API server.",
        why="An engine never asks the API server; whoever takes it over would.",
        remedy="Set automountServiceAccountToken: false.",
        mandatory=True,
        of=of_pods(_speaks_to_the_api_server),
    ),
)
