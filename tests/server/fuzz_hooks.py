"""What schemathesis is told of the server: a name that no server has would end most requests before they are looked at."""

from typing import Any

import schemathesis


@schemathesis.hook
def map_body(_: schemathesis.HookContext, body: Any) -> Any:
    """Ask for the model that is there."""
    return {**body, "model": "tgi"} if isinstance(body, dict) and isinstance(body.get("model"), str) else body
