"""Former names: which resource of the state a registration continues."""

from lab.engine.goals import Alias, Goal
from lab.engine.resources import make_urn, urn_name, urn_type


class AliasTable:
    """Which resource of the state a registration continues, by its name or one of its former names."""

    def __init__(self, stack: str, project: str):
        self._stack = stack
        self._project = project
        self._used: dict[str, str] = {}  # by today's URN: the alias under which the state has it
        self.renamed: dict[str, str] = {}  # by the URN in the state: today's

    def candidates(self, goal: Goal) -> list[str]:
        """Former URNs of a registration, most explicit first, with those that follow from its parent's."""
        own = [self._collapse(goal, alias) for alias in goal.aliases]
        parent = self._used.get(goal.parent)
        if parent is None:
            return list(dict.fromkeys(own))
        inherited = [self._inherit(goal.type, goal.name, goal.parent, parent)]
        for urn in own:
            type_, name = urn_type(urn), urn_name(urn)
            inherited.append(self._inherit(type_, name, goal.parent, parent))
        return list(dict.fromkeys([*own, *inherited]))

    def use(self, urn: str, alias: str) -> None:
        """The state has the resource under an alias. Raises ValueError when another one claims it too."""
        if alias in self.renamed:
            raise ValueError(f"{urn} and {self.renamed[alias]} both claim to have been {alias}; give it to one of them")
        self._used[urn] = alias
        self.renamed[alias] = urn

    def _collapse(self, goal: Goal, alias: Alias) -> str:
        if alias.urn:
            return alias.urn
        parent = self._used.get(alias.parent, alias.parent) if alias.parent else goal.parent
        return make_urn(
            alias.stack or self._stack,
            alias.project or self._project,
            "" if alias.no_parent else parent,
            alias.type or goal.type,
            alias.name or goal.name,
        )

    def _inherit(self, type_: str, name: str, parent: str, parent_alias: str) -> str:
        """By convention a child is called after its parent, and was called after the parent's former name."""
        parent_name, former = urn_name(parent), urn_name(parent_alias)
        if name.startswith(parent_name):
            name = former + name.removeprefix(parent_name)
        return make_urn(self._stack, self._project, parent_alias, type_, name)
