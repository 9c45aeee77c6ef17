"""What an engine reads from a path, fetched at its revision before the engine starts."""

import json
from typing import Any

from blueprint.settings.stack import SecretKey
from blueprint.workload import Workload
from components.pod.environment import environment_name, hub_token_variable
from components.pod.volumes import CACHE_PATH

FETCH = """
import json, pathlib, sys
from huggingface_hub import snapshot_download
for repository, revision, path in json.loads(sys.argv[1]):
    whole = pathlib.Path(path, ".whole")
    if whole.exists():
        print(f"{repository}@{revision}: is there", flush=True)
        continue
    print(f"{repository}@{revision}: fetching", flush=True)
    snapshot_download(repository, revision=revision, local_dir=path)
    whole.touch()
"""
"""Marks what is whole, so that a start needs no Hub, and so that what an interruption left is fetched to its end."""


def fetching(workload: Workload, hub_token: SecretKey | None) -> Any:
    """The init container that fetches, with the engine's own image; none where there is nothing to fetch."""
    engine = workload.engine
    if not engine.fetches:
        return []
    wanted = json.dumps([[one.repository, one.revision, one.path] for one in engine.fetches])
    return [
        {
            "name": "adapters",
            "image": workload.image.value,
            "imagePullPolicy": "IfNotPresent",
            "command": [engine.python, "-c", FETCH, wanted],
            "envFrom": [{"configMapRef": {"name": environment_name(workload)}}],
            **({"env": [hub_token_variable(hub_token)]} if hub_token else {}),
            # It ends before the engine starts, so it costs the node nothing.
            "resources": {"requests": {"cpu": "1", "memory": "2Gi"}, "limits": {"memory": "2Gi"}},
            "securityContext": {
                "allowPrivilegeEscalation": False,
                "capabilities": {"drop": ["ALL"]},
                "readOnlyRootFilesystem": True,
            },
            "volumeMounts": [
                {"name": "cache", "mountPath": CACHE_PATH},
                {"name": "home", "mountPath": engine.home},
                {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108  the container's own
            ],
            "terminationMessagePolicy": "FallbackToLogsOnError",
        }
    ]
