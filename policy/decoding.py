"""Decodes what the policy host is asked about once, and not again for each policy.

pulumi_policy 1.21 decodes a resource's properties anew for every policy, and all resources of a stack for every policy
about the stack: with fifty models that is more work than the judging, and than the program's (`make bench-policy`).
"""

from collections.abc import Callable, MutableMapping
from types import ModuleType
from typing import Any


class Once:
    """In place of a module that decodes messages: as it, but the same message is decoded once."""

    def __init__(self, module: ModuleType):
        self._decode: Callable[[Any], Any] = module.MessageToDict
        # With the message, so that its number stays its own. Both end with the host, which judges one deployment.
        self._decoded: MutableMapping[int, tuple[Any, Any]] = {}

    def MessageToDict(self, message: Any) -> Any:  # noqa: N802  the module's name
        """A message as a dictionary, which nobody changes."""
        found = self._decoded.get(id(message))
        if found is None:
            found = self._decoded[id(message)] = message, self._decode(message)
        return found[1]


def decode_once(host: ModuleType) -> None:
    """Let a policy host decode each message once."""
    host.json_format = Once(host.json_format)  # type: ignore[attr-defined]  # what it imports
