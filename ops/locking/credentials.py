"""Logins for registries, where `docker login` keeps them."""

import base64
import binascii
import json
import os
from functools import cached_property
from pathlib import Path
from typing import Any

from ops.locking.reference import HUB
from ops.locking.stacks import mapping
from ops.sources import UnresolvedError


class Credentials:
    """``auths`` of Docker's config.json: what stands there in the file itself.

    Nothing that is read there is ever part of a message.
    """

    def __init__(self) -> None:
        self._folder = os.environ.get("DOCKER_CONFIG") or "~/.docker"
        self.file = f"{self._folder.rstrip('/')}/config.json"

    @cached_property
    def _content(self) -> Any:
        try:
            content = json.loads((Path(self._folder).expanduser() / "config.json").read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise UnresolvedError(f"{self.file} cannot be read ({type(error).__name__}). Make it readable.") from None
        except ValueError:
            content = None
        if not isinstance(content, dict):
            raise UnresolvedError(
                f"{self.file} is no JSON object. Correct it, or set DOCKER_CONFIG to a folder without one."
            )
        return content

    def basic(self, registry: str) -> str | None:
        """The base64 of user:password for a registry; None when the file has none.

        Raises UnresolvedError when the file is none, or its entry is not of that kind.
        """
        for key, entry in mapping(self._content.get("auths")).items():
            auth = mapping(entry).get("auth")
            if not auth or _host(key) not in _names(registry):
                continue
            try:
                user, colon, _ = base64.b64decode(auth, validate=True).partition(b":")
            except (binascii.Error, TypeError, ValueError):
                user, colon = b"", b""
            if not user or not colon:
                raise UnresolvedError(
                    f"{self.file}: auths.{key}.auth: no base64 of user:password. Write it anew: docker login {registry}"
                )
            return str(auth)
        return None

    def advice(self, registry: str) -> str:
        """What to do when a registry gives no access."""
        elsewhere = self._elsewhere(registry)
        if elsewhere is None or self.basic(registry) is not None:
            return f"log in with an account that has read access: docker login {registry}."
        return (
            f"log in where a file keeps the password: {self.file} has {elsewhere} for {registry}, and that is not "
            f"supported here. Run `docker login {registry}` with DOCKER_CONFIG set to a folder whose config.json "
            "names no helper, and this command with the same DOCKER_CONFIG."
        )

    def _elsewhere(self, registry: str) -> str | None:
        """The key of the file that says where else the login is; None when there is none."""
        for key in mapping(self._content.get("credHelpers")):
            if _host(key) in _names(registry):
                return "credHelpers"
        for key, entry in mapping(self._content.get("auths")).items():
            for kind in ("identitytoken", "registrytoken"):
                if _host(key) in _names(registry) and mapping(entry).get(kind):
                    return kind
        return "credsStore" if self._content.get("credsStore") else None


def _host(key: str) -> str:
    """A key of ``auths`` without scheme and path: older logins have both."""
    return str(key).removeprefix("https://").removeprefix("http://").partition("/")[0]


def _names(registry: str) -> tuple[str, ...]:
    return HUB if registry in HUB else (registry,)
