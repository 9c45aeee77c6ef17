"""From Pulumi's configuration and the lock files to a resolved stack."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pulumi

from blueprint.endpoint import Endpoint
from blueprint.issues import DescriptionError
from blueprint.locks import IMAGES_LOCK, MODELS_LOCK, read_images_lock, read_models_lock
from blueprint.settings import Settings
from blueprint.stack import ENDPOINT_SECRETS, SECRET_KEYS, Stack, given, resolve_stack

HUB_READ_TOKEN = "hubReadToken"  # noqa: S105  the name of a configuration value


def read_stack(config: pulumi.Config, root: Path) -> Stack:
    """The running stack, resolved from its configuration and from the lock files in root.

    Raises pulumi.RunError, which Pulumi shows without a traceback, with every mistake found.
    """
    try:
        return resolve_stack(
            pulumi.get_stack(),
            read_values(config),
            read_models_lock((root / MODELS_LOCK).read_text()),
            read_images_lock((root / IMAGES_LOCK).read_text()),
        )
    except DescriptionError as error:
        raise pulumi.RunError(str(error)) from None


def read_values(config: pulumi.Config) -> dict[str, Any]:
    """The plain values under this project's name, also those that nobody knows."""
    prefix = f"{config.name}:"
    known = {info.alias or name for name, info in Settings.model_fields.items()}
    # pulumi.Config answers for keys that one can name; a misspelt key must be seen too.
    present = {key.removeprefix(prefix) for key in _all_keys() if key.startswith(prefix)}
    values = {key: _value(config, key) for key in sorted(known | present - set(SECRET_KEYS))}
    return {key: value for key, value in values.items() if given(key, value)}


def _value(config: pulumi.Config, key: str) -> Any:
    try:
        return config.get_object(key)
    except pulumi.ConfigTypeError:
        # A bare word is no JSON: the settings refuse it with the rest, where Pulumi would end in a traceback.
        return config.get(key)


def _all_keys() -> set[str]:
    return set(pulumi.runtime.config.CONFIG.get()) | set(pulumi.runtime.config.get_config_env())


def hub_read_token(config: pulumi.Config) -> pulumi.Output[str] | None:
    """The Hub's read token as a secret, when the stack's configuration has one.

    Not from the environment: a preview on a machine without the variable would plan to delete the Secret.

    Raises pulumi.RunError when the token stands there in clear text.
    """
    if not config.get(HUB_READ_TOKEN):
        return None
    key = f"{config.name}:{HUB_READ_TOKEN}"
    if not _is_secret(key):
        raise pulumi.RunError(
            f"{key} is in clear text. Revoke that token; `pulumi config set --secret {key}` a new one."
        )
    return config.require_secret(HUB_READ_TOKEN)


def endpoint_secrets(endpoints: Sequence[Endpoint]) -> dict[str, pulumi.Output[str]]:
    """The secrets that endpoints name, from their own part of the stack's configuration.

    Raises pulumi.RunError with all that are missing, or stand there in clear text.
    """
    config = pulumi.Config(ENDPOINT_SECRETS)
    names = sorted({name for endpoint in endpoints for name in _secret_names(endpoint)})
    complaints = []
    for name in names:
        key = f"{ENDPOINT_SECRETS}:{name}"
        if not config.get(name):
            complaints.append(f"{key} is missing; `pulumi config set --secret {key}` sets it.")
        elif not _is_secret(key):
            complaints.append(f"{key} is in clear text. Revoke it; `pulumi config set --secret {key}` a new one.")
    if complaints:
        raise pulumi.RunError("\n".join(complaints))
    return {name: config.require_secret(name) for name in names}


def _secret_names(endpoint: Endpoint) -> list[str]:
    password = [endpoint.registry_password] if endpoint.registry_password else []
    return [*endpoint.secrets.values(), *password]


def _is_secret(key: str) -> bool:
    return pulumi.runtime.is_config_secret(key) or key in pulumi.runtime.config.get_config_secret_keys_env()
