"""What the rules say of a resource, with what is excused."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from policy.rule import Rule
from policy.settings import Excuse, StackRules
from policy.stack import Stack, StackRule


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """One thing that breaks a rule.

    excuse: what speaks for it, whether or not its time is over. mandatory: whether it stops a deployment, by what the
    stack says of the rule.
    """

    rule: Rule | StackRule
    sentence: str
    excuse: Excuse | None
    excused: bool
    mandatory: bool

    @property
    def told(self) -> str:
        """The sentence, with what became of its excuse."""
        if self.excuse is None:
            return self.sentence
        if self.excused:
            return f"{self.sentence} Excused until {self.excuse.until}: {self.excuse.reason}"
        return f"{self.sentence} Its exception ended on {self.excuse.until}: {self.excuse.reason}"


@dataclass(frozen=True)
class Judge:
    """Judges the resources of a stack. today: by which exceptions end."""

    allowed: StackRules
    today: date

    def resource(self, rule: Rule, kind: str, name: str, properties: Mapping[str, Any]) -> Iterator[Verdict]:
        """How a resource breaks a rule. kind: its type, or the kind of a plain object. name: of the resource."""
        for sentence in rule.judge(kind, properties, self.allowed):
            yield self._verdict(rule, name, sentence)

    def release(self, rule: Rule, name: str, objects: Iterable[Mapping[str, Any]]) -> Iterator[Verdict]:
        """How the objects of a Helm release break a rule, each named. name: of the release's resource."""
        for item in objects:
            for one in self.resource(rule, str(item["kind"]), name, item):
                yield replace(one, sentence=f"{item['kind']} {item['metadata'].get('name')}: {one.sentence}")

    def stack(self, rule: StackRule, stack: Stack) -> Iterator[tuple[str, Verdict]]:
        """How a stack breaks a rule, by the name of the resource that does, or of the stack itself."""
        for name, sentence in rule.judge(stack):
            yield name, self._verdict(rule, name, sentence)

    def _verdict(self, rule: Rule | StackRule, name: str, sentence: str) -> Verdict:
        excuses = [one for one in self.allowed.exceptions if (one.rule, one.resource) == (rule.name, name)]
        # The one that lasts longest speaks.
        excuse = max(excuses, key=lambda one: one.until, default=None)
        excused = excuse is not None and self.today <= excuse.until
        return Verdict(
            rule=rule,
            sentence=sentence,
            excuse=excuse,
            excused=excused,
            mandatory=self.allowed.mandatory(rule.name, usually=rule.mandatory),
        )
