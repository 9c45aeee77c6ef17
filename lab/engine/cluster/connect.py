"""From a provider's configuration to an HTTP client for the API server."""

import os
from pathlib import Path
from typing import Any

import httpx2
import yaml
from lightkube.config import client_adapter
from lightkube.config.kubeconfig import DEFAULT_KUBECONFIG, KubeConfig, SingleConfig
from lightkube.core.exceptions import ConfigError

_TIMEOUT = httpx2.Timeout(30.0, connect=5.0)


class UnreachableError(Exception):
    """There is no API server to ask; the message says which and why, without credentials."""


def client(kubeconfig: str, context: str | None) -> httpx2.AsyncClient:
    """A client with the context's credentials; nothing is sent yet.

    kubeconfig: contents, a path, or empty for KUBECONFIG and then the home folder. Raises UnreachableError.
    """
    config = _find(kubeconfig, context)
    try:
        return client_adapter.AsyncClient(
            config,
            client_adapter.ConnectionParams(timeout=_TIMEOUT),
        )
    except (OSError, ValueError, ConfigError, httpx2.InvalidURL) as error:
        raise UnreachableError(
            f"The credentials of context {config.context_name} cannot be used ({type(error).__name__})."
        ) from None


def _find(kubeconfig: str, context: str | None) -> SingleConfig:
    if kubeconfig.lstrip().startswith(("{", "apiVersion", "kind", "clusters")):
        return _of(KubeConfig.from_dict(yaml.safe_load(kubeconfig)), context, "the provider's kubeconfig")
    given = [path for path in (kubeconfig or os.environ.get("KUBECONFIG", "")).split(os.pathsep) if path]
    paths = [Path(path).expanduser() for path in given or [DEFAULT_KUBECONFIG]]
    known: list[str] = []
    for path in paths:
        config = _load(path)
        if config is not None and (context is None or context in config.contexts):
            return _of(config, context, str(path))
        known += config.contexts if config else []
    where = ", ".join(str(path) for path in paths)
    raise UnreachableError(f"Context {context} is not in {where}; there are: {', '.join(sorted(known)) or 'none'}.")


def _of(config: KubeConfig, context: str | None, where: str) -> SingleConfig:
    try:
        found = config.get(context_name=context)
    except KeyError as error:
        raise UnreachableError(f"{where}: context {context} refers to {error}, which it does not define.") from None
    if found is None:
        raise UnreachableError(f"{where}: no current context.")
    return found


def _load(path: Path) -> Any:
    if not path.is_file():
        return None
    try:
        return KubeConfig.from_file(path)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, yaml.YAMLError) as error:
        # Not repeated: a parser's message quotes the line, which may be a token.
        raise UnreachableError(f"{path} is no kubeconfig ({type(error).__name__}).") from None
