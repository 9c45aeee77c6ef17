"""`llm drift`: whether what is really there is what the stack's files say."""

import json
import sys
from datetime import UTC, datetime

import click

from ops.pipeline.github import GitHub
from ops.pipeline.markdown import Judged, section
from ops.pipeline.planned import Planned, plan
from ops.project import Project

_LOOKED, _DIFFERS, _BLIND = 0, 1, 2


@click.command()
@click.option("--stack", required=True, help="Stack that is compared.")
@click.option("--json", "as_json", is_flag=True, help="Print what differs as JSON.")
@click.option(
    "--issue",
    is_flag=True,
    help="Open one issue when something differs, renew it while it does, close it when not; needs GITHUB_TOKEN.",
)
def command(stack: str, as_json: bool, issue: bool) -> None:
    """Compare cluster and endpoints with the stack's files; changes nothing.

    Exit code 0: nothing differs. 1: something does. 2: it could not be seen.
    """
    project = Project.find()
    project.stack_file(stack)
    github = GitHub.from_environment() if issue else None
    planned = plan(project, stack, refresh=True)
    why = _why_blind(planned)
    if why:
        click.echo(f"Error: stack {stack} could not be compared: {why}", err=True)
        sys.exit(_BLIND)
    text = section(stack, planned, Judged())
    click.echo(_as_json(planned) if as_json else text, nl=as_json)
    if github is not None:
        _tell(github, stack, text, differs=bool(planned.changes))
    sys.exit(_DIFFERS if planned.changes else _LOOKED)


def _why_blind(planned: Planned) -> str:
    if planned.failure:
        return "\n".join(planned.errors) or planned.failure
    if planned.changes and not planned.unchanged and set(planned.counts) == {"create"}:
        return "its state is empty, so that nothing is known of what was deployed. Is PULUMI_BACKEND_URL the right one?"
    return ""


def _as_json(planned: Planned) -> str:
    changes = [
        {
            "kind": change.kind,
            "type": change.type,
            "name": change.name,
            "differences": [vars(difference) for difference in change.differences],
        }
        for change in planned.changes
    ]
    return json.dumps({"changes": changes, "unchanged": planned.unchanged}, indent=2, ensure_ascii=False)


def _tell(github: GitHub, stack: str, text: str, *, differs: bool) -> None:
    mark = f"<!-- llm drift of {stack} -->"
    before = github.open_issue(mark)
    now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    if differs:
        body = (
            f"{mark}\nSeen at {now}: what is there differs from what the files say. Somebody changed it, or what was "
            f"merged was never deployed.\n\n{text}\n`make drift STACK={stack}` shows it. `make refresh STACK={stack}` "
            f"and `make up STACK={stack}` put it back; to keep a change, write it into the stack's file. This issue is "
            "closed by itself when nothing differs.\n"
        )
        number = None if before is None else before["number"]
        click.echo(github.write_issue(number, title=f"Drift in stack {stack}", body=body), err=True)
    elif before is not None:
        github.remark(before["number"], f"Nothing differs any more, seen at {now}.")
        click.echo(github.write_issue(before["number"], state="closed"), err=True)
