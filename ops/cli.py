"""The `llm` command: what a person or a pipeline runs around `pulumi up`."""

import importlib
from typing import Any

import click

COMMANDS = {
    "adapter-rules": "ops.adapter_rules",
    "backend": "ops.pipeline.backend",
    "canary": "ops.canary.command",
    "chat": "ops.asking.chat",
    "dashboards": "ops.dashboards",
    "doctor": "ops.doctor",
    "drift": "ops.pipeline.drift",
    "endpoints": "ops.endpoints.commands",
    "explain": "ops.explain",
    "fit": "ops.fit",
    "generate": "ops.asking.generate",
    "history": "ops.delivery.history",
    "lock": "ops.lock",
    "metrics": "ops.metrics.command",
    "plan": "ops.plan.command",
    "policy": "ops.policy",
    "promote": "ops.delivery.promote",
    "propose": "ops.pipeline.propose",
    "push-good": "ops.pipeline.push_good",
    "release": "ops.delivery.release",
    "render": "ops.render",
    "report": "ops.pipeline.report",
    "rollback": "ops.delivery.rollback",
    "schema": "ops.schema",
    "smoke": "ops.smoke.command",
    "space": "ops.space.command",
    "status": "ops.status.command",
}
"""Each command is the click command `command` of its module, imported only when it is asked for."""


_INTERRUPTED = 130


class _Lazy(click.Group):
    """A group whose commands cost no import until they run."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        command: Any = importlib.import_module(COMMANDS[cmd_name]).command
        return command if isinstance(command, click.Command) else None

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; an interrupted one ends with the exit code that shells know for it."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            click.echo(err=True)
            raise click.exceptions.Exit(_INTERRUPTED) from None


@click.command(cls=_Lazy)
@click.version_option(package_name="llm-inference")
def main() -> None:
    """Work with the models that this project describes: lock, render, explain, check, talk to them."""
