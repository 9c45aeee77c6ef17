"""From Pulumi's configuration and the lock files to a resolved stack."""

import hashlib
import os
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pulumi

from blueprint.issues import DescriptionError
from blueprint.locks import IMAGES_LOCK, MODELS_LOCK, read_images_lock, read_models_lock
from blueprint.monitoring.routing import url_names
from blueprint.resources import Resolved
from blueprint.settings import Settings
from blueprint.stack import NAMED_SECRETS, SECRET_KEYS, Stack, given, resolve_stack
from blueprint.workload import Workload
from components.buildable import unbuildable
from endpoints.access import TOKEN_VARIABLES

HUB_READ_TOKEN = "hubReadToken"  # noqa: S105  the name of a configuration value


def read_stack(config: pulumi.Config, root: Path) -> Stack:
    """The running stack, resolved from its configuration and from the lock files in root.

    Raises pulumi.RunError, which Pulumi shows without a traceback, with every mistake found, or else with every secret
    that is missing or stands there in clear text, or else with all that keeps images from being built.
    """
    try:
        stack = resolve_stack(
            pulumi.get_stack(),
            read_values(config),
            read_models_lock((root / MODELS_LOCK).read_text()),
            read_images_lock((root / IMAGES_LOCK).read_text()),
        )
    except DescriptionError as error:
        raise pulumi.RunError(str(error)) from None
    complaints = list(_complaints(stack))
    if complaints:
        raise pulumi.RunError("\n".join(complaints))
    unusable = [issue for image in stack.images for issue in unbuildable(image, root)]
    if unusable:
        raise pulumi.RunError(str(DescriptionError(f"Pulumi.{stack.name}.yaml", unusable)))
    return replace(stack, workloads=[_with_key_digest(workload) for workload in stack.workloads])


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


def named_secrets(stack: Stack) -> dict[str, pulumi.Output[str]]:
    """The secrets that the stack's models, images and monitoring name, from their own part of its configuration.

    read_stack has seen that they are there.
    """
    config = pulumi.Config(NAMED_SECRETS)
    return {name: config.require_secret(name) for name in sorted(_names(stack))}


def _names(stack: Stack) -> set[str]:
    return {
        *_endpoint_names(stack),
        *_key_names(stack),
        *_registry_names(stack),
        *_address_names(stack),
        *_collector_names(stack),
        *_exporter_names(stack),
        *(stack.probing.tokens if stack.probing else ()),
    }


def _complaints(stack: Stack) -> Iterator[str]:
    config = pulumi.Config(NAMED_SECRETS)
    keys, addresses, seeing = _key_names(stack), _address_names(stack), _exporter_names(stack)
    for name in sorted(_names(stack)):
        key, value = f"{NAMED_SECRETS}:{name}", config.get(name)
        if not value:
            yield f"{key} is missing; `pulumi config set --secret {key}` sets it."
        elif not _is_secret(key):
            yield f"{key} is in clear text. Revoke it; `pulumi config set --secret {key}` a new one."
        elif name in keys and not _KEY.fullmatch(value):
            yield (
                f"{key} is no key: it has fewer than 32 or more than 256 characters, or others than letters, digits "
                "and ._~+/=-, or does not start with a letter or digit. `openssl rand -hex 32` makes one."
            )
        elif name in addresses and not _ADDRESS.fullmatch(value):
            yield f"{key} is no address: it does not begin with https:// or http://, or has blanks in it."
        elif name in seeing and value.strip() in _managing_tokens():
            yield (
                f"{key} is a token that manages or calls endpoints. monitoring.endpoints needs one that only sees "
                "them: docs/endpoints.md, Metrics."
            )


def _managing_tokens() -> set[str]:
    """Those of this machine, as far as it has any: they may do more than look."""
    return {value for variable in TOKEN_VARIABLES if (value := os.environ.get(variable, "").strip())}


_ADDRESS = re.compile(r"https?://[^\s]+")

# A digest of the keys names their Secret, so they must not be guessable; the rest is RFC 6750's form of a bearer token,
# and no engine may take one for a flag.
_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._~+/=-]{31,255}")


def _with_key_digest(workload: Workload) -> Workload:
    keys = workload.keys
    if keys is None or not keys.value.names:
        return workload
    config = pulumi.Config(NAMED_SECRETS)
    # The order says which is the newest, to people only.
    values = "\n".join(sorted(config.require(name) for name in keys.value.names))
    digest = hashlib.sha256(values.encode()).hexdigest()[:8]
    return replace(workload, keys=Resolved(replace(keys.value, digest=digest), keys.why))


def _endpoint_names(stack: Stack) -> Iterator[str]:
    for endpoint in stack.endpoints:
        yield from endpoint.secrets.values()
        if endpoint.registry_password:
            yield endpoint.registry_password


def _key_names(stack: Stack) -> set[str]:
    return {name for workload in stack.workloads if workload.keys for name in workload.keys.value.names}


def _registry_names(stack: Stack) -> set[str]:
    return {image.build.registry.password for image in stack.images if image.build and image.build.registry}


def _collector_names(stack: Stack) -> set[str]:
    return {name for variable in (stack.collector.variables if stack.collector else ()) for name in variable.names}


def _exporter_names(stack: Stack) -> set[str]:
    return {stack.exporter.settings.token} if stack.exporter else set()


def _address_names(stack: Stack) -> set[str]:
    return set(url_names(stack.monitoring.routes)) if stack.monitoring else set()


def _is_secret(key: str) -> bool:
    return pulumi.runtime.is_config_secret(key) or key in pulumi.runtime.config.get_config_secret_keys_env()
