"""A plan's section about rules: what the policies refuse and tell."""

from ops.plan.section import Section, Subject
from ops.policy import allowed_in, judged, level, money_in
from ops.program import run_program
from policy.rules import ALL


def section(subject: Subject) -> Section:
    """What breaks a rule. Raises click.ClickException where the program refuses the stack."""
    project, stack = subject.project, subject.stack.name
    registered = run_program(project, stack)
    found = judged(registered, project.root, allowed_in(project, stack), money_in(project, stack))
    broken = [
        {"level": level(verdict), "resource": name, "rule": verdict.rule.name, "told": verdict.told}
        for name, verdict in found.found
    ]
    unjudged = [{"resource": name, "why": why} for name, why in found.unjudged]
    return Section(
        key="rules",
        title="Rules",
        data={"asked": len(ALL), "resources": len(registered), "broken": broken, "unjudged": unjudged},
        head=("level", "resource", "rule", "what"),
        rows=[
            *((one["level"], one["resource"], one["rule"], one["told"]) for one in broken),
            *(("unjudged", one["resource"], "", one["why"]) for one in unjudged),
        ],
        remarks=[f"{len(ALL)} rules were put to {len(registered)} resources, {len(broken)} are broken."],
        refused=any(one["level"] == "refused" for one in broken),
    )
