"""Asks the engine of this pod for one token. Runs in the engine's container: python3 and its standard library only.

Arguments: port, health path, name of the model, seconds for all of it, and where the engine's key is, if it has one:
the name of a variable, or the path of a file whose first quoted text it is, or else its first line. Exit code 0 once a
token was generated.
"""

import http.client
import json
import os
import re
import sys
import time
from pathlib import Path
from typing import Any

_PROMPT = "Hello"
_OK, _NOT_FOUND = 200, 404


class Engine:
    """The engine's server on this pod's own address. until: when to stop waiting for it."""

    def __init__(self, port: str, key: str, until: float):
        self._port, self._key, self._until = int(port), key, until

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, str]:
        """Status and text of its answer. Raises OSError when there is none in time."""
        # Not urllib: a proxy of the environment has nothing to do with this pod.
        left = max(self._until - time.monotonic(), 0.1)
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=left)
        headers = {"content-type": "application/json"}
        if self._key:
            headers["authorization"] = f"Bearer {self._key}"
        try:
            connection.request(method, path, json.dumps(body) if body else None, headers)
            response = connection.getresponse()
            return response.status, response.read().decode(errors="replace")
        finally:
            connection.close()


def missing(engine: Engine, health_path: str, model: str) -> str | None:
    """What is missing; None when the engine has generated."""
    status, _ = engine.ask("GET", health_path)
    if status != _OK:
        return f"not healthy yet: {health_path} answers {status}"
    asked = {"model": model, "max_tokens": 1, "temperature": 0}
    # A model without chat template completes only; an engine may know chats only.
    prompts: dict[str, Any] = {
        "/v1/completions": {"prompt": _PROMPT},
        "/v1/chat/completions": {"messages": [{"role": "user", "content": _PROMPT}]},
    }
    for path, prompt in prompts.items():
        status, answer = engine.ask("POST", path, {**asked, **prompt})
        if status == _OK:
            return None
        if status != _NOT_FOUND:
            return f"{path} answers {status}: {answer[:200]}"
    return f"it knows neither of {', '.join(prompts)}"


def key_in(where: str) -> str:
    """The key; empty when there is none."""
    if not where.startswith("/"):
        return os.environ.get(where, "")
    text = Path(where).read_text(encoding="utf-8").strip()
    found = re.search(r'"([^"]+)"', text)
    return found[1] if found else text.partition("\n")[0].strip()


if __name__ == "__main__":
    port, health_path, model, seconds, where = sys.argv[1:6]
    try:
        reason = missing(Engine(port, key_in(where), time.monotonic() + float(seconds)), health_path, model)
    except OSError as error:
        reason = f"no answer on port {port}: {error}"
    # The kubelet shows it as the probe's message.
    sys.exit(reason)
