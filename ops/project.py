"""A checkout of the project on disk: its stacks, their configuration, its lock files."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from blueprint.issues import DescriptionError
from blueprint.locks import (
    IMAGES_LOCK,
    MODELS_LOCK,
    ImagesLock,
    ModelsLock,
    read_images_lock,
    read_models_lock,
)
from blueprint.stack import SECRET_KEYS, Stack, given, resolve_stack
from blueprint.text import TextError, load

PROJECT_NAME = "llm-inference"


@dataclass(frozen=True)
class Project:
    """The folder that holds Pulumi.yaml."""

    root: Path

    @classmethod
    def find(cls, start: Path | None = None) -> "Project":
        """The project that start, or the current folder, is in.

        Raises click.ClickException when there is none.
        """
        here = (start or Path.cwd()).resolve()
        for folder in (here, *here.parents):
            if (folder / "Pulumi.yaml").is_file():
                return cls(folder)
        raise click.ClickException(f"No Pulumi.yaml in {here} or above. Run llm inside a checkout of the project.")

    def stacks(self) -> list[str]:
        """Names of the stacks that have a file."""
        return sorted(path.name.split(".")[1] for path in self.root.glob("Pulumi.*.yaml"))

    def stack_file(self, stack: str) -> Mapping[str, Any]:
        """A stack's configuration as its file has it: full keys, secrets still encrypted.

        Raises click.ClickException when the stack has no file or the file is no YAML mapping.
        """
        name = f"Pulumi.{stack}.yaml"
        config = self._content(stack).get("config")
        if not isinstance(config, Mapping):
            raise click.ClickException(f"{name} has no config mapping. See docs/settings.md.")
        for key in (f"{PROJECT_NAME}:{secret}" for secret in SECRET_KEYS):
            if isinstance(config.get(key), str):
                raise click.ClickException(
                    f"{name}: {key} stands there in clear text. Revoke that token, and write a new one with "
                    f"`pulumi config set --secret {key}`."
                )
        return {str(key): value for key, value in config.items()}

    def secrets_provider(self, stack: str) -> str:
        """Who encrypts the stack's secrets, such as gcpkms://...; empty: a passphrase, or the backend.

        Raises click.ClickException when the stack has no file or the file is no YAML.
        """
        return str(self._content(stack).get("secretsprovider") or "")

    def _content(self, stack: str) -> Mapping[str, Any]:
        path = self.root / f"Pulumi.{stack}.yaml"
        if not path.is_file():
            known = ", ".join(self.stacks()) or "none"
            raise click.ClickException(f"{path.name} does not exist. Stacks here: {known}.")
        try:
            content = load(path.read_text()) or {}
        except (TextError, UnicodeDecodeError) as error:
            raise click.ClickException(f"{path.name}: {error}") from None
        return content if isinstance(content, Mapping) else {}

    def pulumi_config(self, stack: str) -> tuple[dict[str, str], list[str]]:
        """The stack's configuration as Pulumi hands it to a program, and which of its keys are secret.

        An encrypted value is not decrypted: a placeholder stands for it, so that what depends on its being there is.
        """
        config = self.stack_file(stack)
        secret = [key for key, value in config.items() if isinstance(value, Mapping) and set(value) == {"secure"}]
        plain = {
            key: value if isinstance(value, str) else json.dumps(value)
            for key, value in config.items()
            if key not in secret
        }
        return {**plain, **dict.fromkeys(secret, "encrypted")}, secret

    def values(self, stack: str) -> dict[str, Any]:
        """The stack's values under the project's name, without the secrets."""
        prefix = f"{PROJECT_NAME}:"
        values = {
            key.removeprefix(prefix): value for key, value in self.stack_file(stack).items() if key.startswith(prefix)
        }
        return {key: value for key, value in values.items() if key not in SECRET_KEYS and given(key, value)}

    def models_lock(self) -> ModelsLock:
        """The models' lock file.

        Raises click.ClickException when it cannot be read, DescriptionError when it is no lock.
        """
        return read_models_lock(self._text(MODELS_LOCK))

    def images_lock(self) -> ImagesLock:
        """The images' lock file.

        Raises click.ClickException when it cannot be read, DescriptionError when it is no lock.
        """
        return read_images_lock(self._text(IMAGES_LOCK))

    def _text(self, name: str) -> str:
        try:
            return (self.root / name).read_text()
        except OSError as error:
            raise click.ClickException(f"{name} cannot be read: {error.strerror}. Restore it from git.") from None

    def resolve(self, stack: str) -> Stack:
        """The stack, checked and resolved.

        Raises click.ClickException with every mistake found.
        """
        try:
            return resolve_stack(stack, self.values(stack), self.models_lock(), self.images_lock())
        except DescriptionError as error:
            raise click.ClickException(str(error)) from None
