"""Who is told of an alert: one tree of routes, written as Alertmanager takes it and as the Prometheus operator does."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from blueprint.settings.monitoring import Receiver, Routes

WATCHDOG = "LLMWatchdog"
NOTHING_SCRAPED = "LLMNothingScraped"
NOBODY = "nobody"

GROUP_BY = ("alertname", "namespace", "model")
"""One message for all replicas of a model that complain of the same."""

_TITLE = (
    "[{{ .Status | toUpper }}{{ if .CommonLabels.severity }} {{ .CommonLabels.severity }}{{ end }}] "
    "{{ .CommonLabels.alertname }} {{ .CommonLabels.model }}"
)
_TEXT = (
    "{{ range .Alerts }}{{ .Annotations.summary }}\n{{ .Annotations.description }}\n{{ .Annotations.runbook_url }}\n"
    "{{ .Annotations.dashboard_url }}\n{{ end }}"
)


@dataclass(frozen=True)
class Matcher:
    """A condition on a label."""

    label: str
    kind: Literal["=", "!=", "=~"]
    value: str

    def text(self) -> str:
        """As Alertmanager writes it."""
        return f'{self.label}{self.kind}"{self.value}"'

    def spec(self) -> Any:
        """As the operator writes it."""
        return {"name": self.label, "matchType": self.kind, "value": self.value}


@dataclass(frozen=True)
class Timing:
    """How long the first alert of a group waits for others, later ones, and an unchanged message for its repetition."""

    wait: str
    interval: str
    repeat: str

    def config(self) -> Any:
        """As Alertmanager writes it."""
        return {"group_wait": self.wait, "group_interval": self.interval, "repeat_interval": self.repeat}

    def spec(self) -> Any:
        """As the operator writes it."""
        return {"groupWait": self.wait, "groupInterval": self.interval, "repeatInterval": self.repeat}


_TIMING = Timing("30s", "5m", "4h")
"""Alertmanager's own defaults, written out: the operator's objects have none."""

_WATCHDOG_TIMING = Timing("0s", "1m", "5m")


@dataclass(frozen=True, kw_only=True)
class Target:
    """A receiver. url: name of the secret that holds its address; None: whoever is sent there is told nobody."""

    name: str
    kind: Literal["slack", "webhook"] = "webhook"
    url: str | None = None
    resolved: bool = True


@dataclass(frozen=True, kw_only=True)
class Branch:
    """A route: who is told of alerts that match, and whether the next branch is asked, too."""

    target: str
    matchers: Sequence[Matcher]
    further: bool = False
    timing: Timing | None = None
    branches: Sequence["Branch"] = ()


@dataclass(frozen=True, kw_only=True)
class Inhibition:
    """While an alert of source fires, those of target with the same labels are told nobody."""

    source: Sequence[Matcher]
    target: Sequence[Matcher]
    equal: Sequence[str]


INHIBITIONS = (
    # Without a model an alert is about the stack, and its bill has nothing to do with one of its GPUs.
    Inhibition(
        source=(Matcher("severity", "=", "critical"), Matcher("model", "=~", ".+")),
        target=(Matcher("severity", "=", "warning"),),
        equal=("namespace", "model"),
    ),
    # What is said of a model without data is old, or a consequence.
    Inhibition(
        source=(Matcher("alertname", "=", NOTHING_SCRAPED),),
        target=(Matcher("alertname", "!=", NOTHING_SCRAPED), Matcher("model", "=~", ".+")),
        equal=("namespace", "model"),
    ),
)


@dataclass(frozen=True, kw_only=True)
class Routing:
    """Receivers by name, and the branches below the root, whose receiver is nobody."""

    targets: Sequence[Target]
    branches: Sequence[Branch]


def routing(routes: Routes | None) -> Routing:
    """Watchdog first, then each owner's alerts, then everything that is left."""
    given = routes or Routes()
    watchdog = Target(name="watchdog", url=given.watchdog, resolved=False)
    owners = {owner: list(_targets(f"owners/{owner}", receivers)) for owner, receivers in sorted(given.owners.items())}
    others = list(_targets("others", given.others))
    return Routing(
        targets=[Target(name=NOBODY), watchdog, *(one for targets in owners.values() for one in targets), *others],
        branches=[
            Branch(target="watchdog", matchers=(Matcher("alertname", "=", WATCHDOG),), timing=_WATCHDOG_TIMING),
            *(
                Branch(
                    target=NOBODY,
                    matchers=(Matcher("owner", "=", owner),),
                    branches=_by_severity(targets, given.owners[owner]),
                )
                for owner, targets in owners.items()
            ),
            *_by_severity(others, given.others),
        ],
    )


def url_names(routes: Routes | None) -> Sequence[str]:
    """Names of the secrets that hold receivers' addresses."""
    return sorted({target.url for target in routing(routes).targets if target.url is not None})


def _targets(group: str, receivers: Sequence[Receiver]) -> Iterator[Target]:
    for number, receiver in enumerate(receivers, 1):
        yield Target(name=f"{group}/{number}", kind=receiver.kind, url=receiver.url)


def _by_severity(targets: Sequence[Target], receivers: Sequence[Receiver]) -> Sequence[Branch]:
    return [
        Branch(
            target=target.name,
            matchers=(Matcher("severity", "=~", "|".join(sorted(set(receiver.severities)))),),
            # Whoever is listed next may want the same alert.
            further=True,
        )
        for target, receiver in zip(targets, receivers, strict=True)
    ]


def alertmanager_config(routes: Routes | None, urls: Mapping[str, str]) -> Any:
    """Alertmanager's configuration, from version 0.25 on. urls: receivers' addresses, by name of their secret."""
    tree = routing(routes)
    return {
        "route": {
            "receiver": NOBODY,
            "group_by": list(GROUP_BY),
            **_TIMING.config(),
            "routes": [_route(branch) for branch in tree.branches],
        },
        "inhibit_rules": [
            {
                "source_matchers": [matcher.text() for matcher in one.source],
                "target_matchers": [matcher.text() for matcher in one.target],
                "equal": list(one.equal),
            }
            for one in INHIBITIONS
        ],
        "receivers": [_receiver(target, urls) for target in tree.targets],
    }


def _route(branch: Branch) -> Any:
    return {
        "receiver": branch.target,
        "matchers": [matcher.text() for matcher in branch.matchers],
        **(branch.timing.config() if branch.timing else {}),
        **({"continue": True} if branch.further else {}),
        **({"routes": [_route(one) for one in branch.branches]} if branch.branches else {}),
    }


def _receiver(target: Target, urls: Mapping[str, str]) -> Any:
    if target.url is None:
        return {"name": target.name}
    if target.kind == "slack":
        message = {"api_url": urls[target.url], "send_resolved": target.resolved, "title": _TITLE, "text": _TEXT}
        return {"name": target.name, "slack_configs": [message]}
    return {"name": target.name, "webhook_configs": [{"url": urls[target.url], "send_resolved": target.resolved}]}


def alertmanager_config_spec(routes: Routes, *, secret: str) -> Any:
    """The spec of the operator's AlertmanagerConfig (v1alpha1). secret: the Secret with addresses, by their names.

    The operator adds the namespace of the object to every matcher, so that it takes alerts of no other.
    """
    tree = routing(routes)
    return {
        "route": {
            "receiver": NOBODY,
            "groupBy": list(GROUP_BY),
            **_TIMING.spec(),
            "routes": [_route_spec(branch) for branch in tree.branches],
        },
        "inhibitRules": [
            {
                "sourceMatch": [matcher.spec() for matcher in one.source],
                "targetMatch": [matcher.spec() for matcher in one.target],
                "equal": list(one.equal),
            }
            for one in INHIBITIONS
        ],
        "receivers": [_receiver_spec(target, secret) for target in tree.targets],
    }


def _route_spec(branch: Branch) -> Any:
    return {
        "receiver": branch.target,
        "matchers": [matcher.spec() for matcher in branch.matchers],
        **(branch.timing.spec() if branch.timing else {}),
        **({"continue": True} if branch.further else {}),
        **({"routes": [_route_spec(one) for one in branch.branches]} if branch.branches else {}),
    }


def _receiver_spec(target: Target, secret: str) -> Any:
    if target.url is None:
        return {"name": target.name}
    address = {"name": secret, "key": target.url}
    if target.kind == "slack":
        message = {"apiURL": address, "sendResolved": target.resolved, "title": _TITLE, "text": _TEXT}
        return {"name": target.name, "slackConfigs": [message]}
    return {"name": target.name, "webhookConfigs": [{"urlSecret": address, "sendResolved": target.resolved}]}
