"""Command line of the lab's engine, as the Pulumi CLI's where it does the same."""

import asyncio
import io
import json
import os
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

import click

from lab.engine.context import Options
from lab.engine.display.choose import display_for
from lab.engine.display.outputs import render
from lab.engine.resources import STACK_TYPE
from lab.engine.session import Outcome, Session
from lab.engine.store import checkpoint
from lab.engine.store.crypto import Crypter, passphrase_of
from lab.errors import LabError

_DEFAULT_STATE = ".lab/state"

Command = Callable[..., Any]


def _session(command: Command) -> Command:
    command = click.option("--stack", "-s", required=True, help="The stack: its settings are in Pulumi.STACK.yaml.")(
        command
    )
    return click.option(
        "--cwd",
        "-C",
        type=click.Path(exists=True, file_okay=False, path_type=Path),
        default=Path(),
        help="The project's folder (default: here).",
    )(command)


def _deploying(command: Command) -> Command:
    for option in (
        click.option("--yes", "-y", is_flag=True, help="Do not ask."),
        click.option("--skip-preview", is_flag=True, help="Do not look first."),
        click.option("--diff", is_flag=True, help="Show every changed property."),
        click.option("--json", "as_json", is_flag=True, help="Print one JSON document."),
        click.option("--expect-no-changes", is_flag=True, help="Fail when anything changes."),
        click.option("--target", "targets", multiple=True, metavar="URN", help="Only these; * and ? allowed."),
        click.option("--target-dependents", is_flag=True, help="And what depends on them."),
        click.option("--parallel", "-p", type=click.IntRange(1), default=16, help="Operations at a time."),
    ):
        command = option(command)
    return _session(command)


_policies = click.option(
    "--policy-pack",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Judge by this policy pack before anything is touched.",
)


@click.group()
def cli() -> None:
    """Deploy this project without the Pulumi CLI. docs/engine.md says what this engine does and what it does not."""


@cli.command()
@_deploying
@_policies
@click.option("--refresh", is_flag=True, help="Compare with what is really there, not with the state.")
def preview(**given: Any) -> None:
    """Show what up would do."""
    _Run(given).only("update")


@cli.command()
@_deploying
@_policies
def up(**given: Any) -> None:
    """Bring the stack to where the program wants it."""
    _Run(given).both("update", "Perform this update?")


@cli.command()
@_deploying
def refresh(**given: Any) -> None:
    """Bring the state to what is really there."""
    _Run(given).both("refresh", "Write this into the state?", preview=False)


@cli.command()
@_deploying
def destroy(**given: Any) -> None:
    """Delete everything that the stack has."""
    _Run(given).both("destroy", "Delete all of this?")


class _Run:
    """One deployment with the options given."""

    def __init__(self, given: dict[str, Any]):
        self._given = given
        self._only_preview = False
        self._session = session_of(given, policy_pack=given.get("policy_pack"))
        self._options = Options(
            targets=given["targets"],
            target_dependents=given["target_dependents"],
            parallel=given["parallel"],
            refresh=given.get("refresh", False),
        )

    def only(self, kind: str) -> None:
        """Look, and change nothing."""
        self._only_preview = True
        self._ended(self._show(kind, preview=True))

    def both(self, kind: str, question: str, *, preview: bool = True) -> None:
        """Look, ask, and do it, holding the stack."""
        with self._session.backend.locked(self._session.stack):
            if preview and not self._given["skip_preview"]:
                planned = self._show(kind, preview=True)
                if planned.settled and planned.worked and not self._given["as_json"]:
                    click.echo("Nothing changes: everything is as the program wants it.")
                if not planned.worked or planned.settled or self._given["expect_no_changes"]:
                    self._ended(planned)
                    return
            if not self._given["yes"] and not click.confirm(question):
                return
            self._ended(self._show(kind, preview=False))

    def _show(self, kind: str, *, preview: bool) -> Outcome:
        as_json = self._given["as_json"]
        # One document per command: a preview that up runs first is not the answer.
        quiet = as_json and preview and not self._only_preview
        display = display_for(
            io.StringIO() if quiet else sys.stdout,
            kind=kind,
            stack=self._session.stack,
            preview=preview,
            full=self._given["diff"],
            as_json=as_json,
            config=self._session.shown_config,
        )
        try:
            return self._session.run(kind, replace(self._options, preview=preview), display.show)
        finally:
            display.close()

    def _ended(self, outcome: Outcome) -> None:
        if not outcome.worked:
            sys.exit(1)
        if self._given["expect_no_changes"] and outcome.changes.keys() - {"same", "read"}:
            raise LabError("no changes were expected, and there are some")


@cli.command("import")
@_session
@click.option("--file", type=click.File(), default="-", help="What export wrote (default: standard input).")
def import_(file: TextIO, **given: Any) -> None:
    """Replace the state by one that export wrote."""
    session = session_of(given)
    try:
        whole = json.load(file)
    except ValueError as error:
        raise LabError(f"That is no state: {error}") from None
    inner = {"version": whole.get("version"), "checkpoint": {"latest": whole.get("deployment")}}
    salt = checkpoint.salt_of(inner)
    snapshot = checkpoint.read(inner, Crypter.of(salt, passphrase_of()) if salt else session.crypter)
    with session.backend.locked(session.stack):
        session.backend.write(session.stack, session.text(snapshot))
    click.echo(f"Stack {session.stack} has {len(snapshot.resources)} resources now.")


@cli.command()
@_session
@click.option("--show-secrets", is_flag=True, help="Secrets in clear text.")
def export(show_secrets: bool, **given: Any) -> None:
    """Print the state, secrets encrypted unless asked otherwise."""
    session = session_of(given)
    whole = session.backend.whole(session.stack)
    if whole is None:
        raise LabError(f"There is no stack {session.stack}.")
    latest = whole["checkpoint"].get("latest") or {}
    if show_secrets:
        latest = checkpoint.revealed(latest, session.crypter)
    click.echo(json.dumps({"version": whole["version"], "deployment": latest}, indent=4, ensure_ascii=False))


@cli.command()
@_session
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@click.option("--show-secrets", is_flag=True, help="Secrets in clear text.")
@click.argument("name", required=False)
def output(name: str | None, as_json: bool, show_secrets: bool, **given: Any) -> None:
    """Print what the stack exports."""
    snapshot = session_of(given).load()
    outputs = next((state.outputs for state in snapshot.resources if state.type == STACK_TYPE), {})
    click.echo(render(outputs, name=name, as_json=as_json, show_secrets=show_secrets))


@cli.command()
@_session
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def history(as_json: bool, **given: Any) -> None:
    """List the stack's updates, newest first."""
    session = session_of(given)
    entries = session.backend.history(session.stack)
    if as_json:
        click.echo(json.dumps(entries, indent=2))
        return
    for entry in entries:
        began = datetime.fromtimestamp(entry["startTime"], UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        counts = ", ".join(f"{count} {op}" for op, count in entry.get("resourceChanges", {}).items())
        seconds = entry["endTime"] - entry["startTime"]
        click.echo(f"{began}  {entry['kind']:<8} {entry['result']:<10} {seconds:>4} s  {counts}")


@cli.command()
@_session
def cancel(**given: Any) -> None:
    """Free the stack from the lock of a run that is gone for good."""
    session = session_of(given)
    count = session.backend.cancel(session.stack)
    click.echo(f"Stack {session.stack} is free." if count else f"Nobody held stack {session.stack}.")


@cli.group()
def config() -> None:
    """Settings of a stack."""


@config.command("set")
@_session
@click.option("--secret", is_flag=True, help="Encrypt the value.")
@click.argument("key")
@click.argument("value", required=False)
def config_set(key: str, value: str | None, secret: bool, **given: Any) -> None:
    """Write one setting into the stack file; without VALUE it is read from standard input."""
    session = session_of(given)
    text = sys.stdin.read().rstrip("\n") if value is None else value
    session.file.set(key, text, secret=secret)


def session_of(given: dict[str, Any], policy_pack: Path | None = None) -> Session:
    """The stack that a command line names."""
    root = given["cwd"].absolute()
    url = os.environ.get("PULUMI_BACKEND_URL") or f"file://{root / _DEFAULT_STATE}"
    return Session(root, given["stack"], url, policy_pack.absolute() if policy_pack else None)


def main() -> None:
    """Run the command line; failures that are expected end in a sentence, not in a traceback."""
    try:
        cli.main(prog_name="python -m lab.engine", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except LabError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(1)
    except (click.Abort, KeyboardInterrupt, asyncio.CancelledError):
        click.echo("interrupted", err=True)
        sys.exit(130)


if __name__ == "__main__":
    main()
