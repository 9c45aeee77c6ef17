"""The way to the API server that a kubeconfig context names."""

import copy
import json
import os
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import yaml
from lightkube.config import client_adapter
from lightkube.config.kubeconfig import DEFAULT_KUBECONFIG, KubeConfig, SingleConfig
from lightkube.config.models import NameValue, User
from lightkube.core.exceptions import ConfigError

_EXEC = "client.authentication.k8s.io"

FIRST_ANSWER_SECONDS = 60.0
"""For the first answer in all: a kubeconfig may run a log-in program before it."""


class UnusableError(Exception):
    """A cluster cannot be asked: check names what failed, the message says why and what to do."""

    def __init__(self, check: str, message: str):
        self.check = check
        super().__init__(message)


@dataclass(frozen=True)
class Connection:
    """An API server that can be asked. address: without credentials."""

    http: httpx2.Client
    address: str


def kubeconfig_paths() -> list[Path]:
    """The kubeconfig files, first wins: KUBECONFIG, or the one in the home folder."""
    given = [path for path in os.environ.get("KUBECONFIG", "").split(os.pathsep) if path]
    return [Path(path).expanduser() for path in given or [DEFAULT_KUBECONFIG]]


def find_context(name: str) -> SingleConfig:
    """The kubeconfig entry of a context.

    Raises UnusableError when there is none, or when it cannot be used.
    """
    known: list[str] = []
    paths = kubeconfig_paths()
    for path in paths:
        config = _load(path)
        if config is None:
            continue
        known += config.contexts
        if name in config.contexts:
            try:
                found = config.get(context_name=name)
            except KeyError as error:
                raise UnusableError(
                    "context", f"{path}: context {name} refers to {error}, which that file does not define."
                ) from None
            if found is not None:
                return found
    where = ", ".join(str(path) for path in paths)
    there = ", ".join(sorted(known)) or "none"
    remedy = "Correct cluster.context in the stack file, or KUBECONFIG."
    if name == "lab":
        remedy = "`make lab` starts it; KUBECONFIG=.lab/kubeconfig names it."
    raise UnusableError("context", f"{name} is not in {where}; contexts there: {there}. {remedy}")


def _load(path: Path) -> KubeConfig | None:
    if not path.is_file():
        return None
    try:
        return KubeConfig.from_file(path)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, yaml.YAMLError) as error:
        # Not repeated: a parser's message quotes the line, which may be a token.
        raise UnusableError(
            "context", f"{path} is no kubeconfig ({type(error).__name__}). Correct it, or KUBECONFIG."
        ) from None


def connect(config: SingleConfig, timeout: float) -> tuple[Connection, str | None]:
    """A connection and the server's version, which is None when it may not be read.

    Raises UnusableError when the server cannot be reached, refuses the credentials, or is none.
    """
    address = _public(config.cluster.server)
    try:
        # lightkube's own client can only ask for typed objects; this one has its credentials and certificates.
        http = client_adapter.Client(
            config._replace(user=_usable(config.user)),
            client_adapter.ConnectionParams(timeout=httpx2.Timeout(timeout)),
        )
    except (OSError, ValueError, ConfigError, httpx2.InvalidURL) as error:
        raise UnusableError(
            "api server",
            f"address or credentials of context {config.context_name} cannot be used ({type(error).__name__}). "
            f"{_try(config.context_name)}",
        ) from None
    answer = _first_answer(http, config.context_name, address)
    if answer.status_code == httpx2.codes.UNAUTHORIZED:
        raise UnusableError(
            "api server",
            f"{address} does not accept the credentials of context {config.context_name} (HTTP 401). Log in again.",
        )
    if answer.status_code == httpx2.codes.FORBIDDEN:
        return Connection(http, address), None
    try:
        return Connection(http, address), str(answer.json()["gitVersion"])
    except (ValueError, KeyError, TypeError):
        raise UnusableError(
            "api server",
            f"{address} does not answer like a Kubernetes API server (HTTP {answer.status_code}). "
            f"Correct the address in the kubeconfig.",
        ) from None


def _usable(user: User | None) -> User:
    """The user as lightkube can use it; one without credentials when there is none.

    lightkube refuses log-in programs of version v1, which answer as v1beta1 does, and tells none of them its version.
    """
    if user is None or user.exec is None:
        return user or User()
    version = user.exec.apiVersion
    info = {"apiVersion": version, "kind": "ExecCredential", "spec": {"interactive": False}}
    program, usable = copy.copy(user.exec), copy.copy(user)
    program.apiVersion = f"{_EXEC}/v1beta1" if version == f"{_EXEC}/v1" else version
    program.env = [NameValue("KUBERNETES_EXEC_INFO", json.dumps(info)), *(user.exec.env or [])]
    usable.exec = program
    return usable


def _first_answer(http: httpx2.Client, context: str, address: str) -> httpx2.Response:
    """Ask for the version, within a limit for everything together: log-in programs have none of their own."""
    result: list[Any] = []

    def ask() -> None:
        try:
            result.append(http.get("/version"))
        except Exception as error:  # noqa: BLE001  a log-in program fails in any way; judged below
            result.append(error)

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(FIRST_ANSWER_SECONDS)
    outcome = result[0] if result else TimeoutError()
    match outcome:
        case httpx2.Response():
            return outcome
        case httpx2.TimeoutException() | TimeoutError():
            why = f"{address} gave no answer in time"
        case httpx2.HTTPError():
            why = f"{address} cannot be reached: {outcome}"
        case _:
            why = f"the kubeconfig's log-in program for {address} failed ({type(outcome).__name__})"
    raise UnusableError("api server", f"{why}. {_try(context)}")


def _try(context: str) -> str:
    command = "make lab" if context == "lab" else f"kubectl --context {context} version"
    return f"{'Start it' if context == 'lab' else 'See what this says'}: {command}"


def _public(address: str) -> str:
    try:
        parts = urlsplit(address)
    except ValueError:
        return "the server of the kubeconfig, which is no address,"
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
