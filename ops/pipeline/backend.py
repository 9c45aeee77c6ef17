"""`llm backend`: whether a pipeline may touch a stack: its state outlives the runner, its secrets can be read."""

import os
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import click

from blueprint.description import LAB_ID
from ops.project import PROJECT_NAME, Project

_BUCKETS = ("s3", "gs", "azblob")
_KEY_SERVICES = ("awskms", "azurekeyvault", "gcpkms", "hashivault")


@click.command()
@click.option("--stack", required=True, help="Stack that a pipeline is about to preview or deploy.")
def command(stack: str) -> None:
    """Refuse a state in files of a runner, and a stack whose secrets nobody could read. Reads the environment alone."""
    project = Project.find()
    config = project.stack_file(stack)
    if _in_lab(config):
        click.echo(f"Stack {stack} is the lab's: its state begins and ends with the lab of this machine.")
        return
    found = mistakes(project.secrets_provider(stack), os.environ)
    if found:
        told = "\n".join(f"  {mistake}" for mistake in found)
        raise click.ClickException(f"Stack {stack} must not be touched from here:\n{told}\ndocs/delivery.md says more.")
    click.echo(f"Stack {stack}: state at {_shown(os.environ['PULUMI_BACKEND_URL'])}.")


def mistakes(secrets_provider: str, environment: Mapping[str, str]) -> list[str]:
    """What is wrong with backend and secrets provider, each with what would work."""
    url = environment.get("PULUMI_BACKEND_URL", "")
    scheme = urlsplit(url).scheme
    found = []
    if not url:
        found.append(
            "PULUMI_BACKEND_URL is not set. Set it to a backend that all share and that locks: "
            "s3://, gs://, azblob://, or https://api.pulumi.com."
        )
    elif scheme == "file" or "://" not in url:
        found.append(
            f"PULUMI_BACKEND_URL is {_shown(url)}: files of a runner are gone with it, and then nothing knows what "
            "was deployed. Use s3://, gs://, azblob://, or https://api.pulumi.com."
        )
    elif scheme not in (*_BUCKETS, "https"):
        found.append(f"PULUMI_BACKEND_URL has the scheme {scheme}. Use s3://, gs://, azblob:// or https://.")
    elif scheme == "https" and not environment.get("PULUMI_ACCESS_TOKEN"):
        found.append("PULUMI_ACCESS_TOKEN is not set, which a backend at https:// asks for.")
    by_service = secrets_provider.partition("://")[0] in _KEY_SERVICES
    passphrase = any(environment.get(name) for name in ("PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE"))
    if not (by_service or passphrase or scheme == "https"):
        found.append(
            "Nothing can read the stack's secrets. Set PULUMI_CONFIG_PASSPHRASE, or take a key service: "
            '`pulumi stack change-secrets-provider "gcpkms://..."`, awskms, azurekeyvault or hashivault.'
        )
    return found


def _in_lab(config: Mapping[str, Any]) -> bool:
    """Whether all that the stack has is the lab's. An endpoint at Hugging Face would be billed and forgotten."""
    cluster, huggingface, models = (
        config.get(f"{PROJECT_NAME}:{key}") or {} for key in ("cluster", "huggingface", "models")
    )
    if not all(isinstance(section, Mapping) for section in (cluster, huggingface, models)):
        return False
    rented = any(isinstance(model, Mapping) and model.get("target") == "endpoint" for model in models.values())
    return cluster.get("context") == cluster.get("id") == LAB_ID and (huggingface.get("api") == "lab" or not rented)


def _shown(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname or ''}{parts.path}" if parts.scheme else url
