"""A checkout whose images are locked: its files, and `llm lock` run in it."""

import base64
import json
from pathlib import Path

import yaml
from click.testing import CliRunner

from blueprint.locks import ImagePin, read_images_lock
from ops import lock
from tests.ops.registries import PASSWORD, USER

NAME = "images.lock.yaml"
TOKEN = "aTokenThatMustNeverBeSeen"
BASIC = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()


def stack(project: Path, models: object):
    (project / "Pulumi.dev.yaml").write_text(yaml.safe_dump({"config": {"llm-inference:models": models}}))


def listed(project: Path, **entries: object):
    """A lock whose entries are digests that a registry gave, dictionaries as they are, or unresolved."""
    known = {"how": "resolved", "source": "http://before", "date": "2026-01-02"}
    images = {
        name: {"digest": entry, "known": known} if isinstance(entry, str) else entry or {"known": {"how": "unresolved"}}
        for name, entry in entries.items()
    }
    text = "# kept\n\n" + yaml.safe_dump({"version": 1, "images": images}, sort_keys=False)
    (project / NAME).write_text(text)
    return text


def published(digest: str):
    return {"digest": digest, "known": {"how": "published", "source": "a README", "date": "2026-01-02"}}


def docker_config(project: Path, content: object):
    folder = project.parent / "docker"
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(content if isinstance(content, str) else json.dumps(content))


def llm_lock(*arguments: str):
    return CliRunner().invoke(lock.command, arguments, catch_exceptions=False)


def written(project: Path, image: str) -> ImagePin:
    return read_images_lock((project / NAME).read_text()).pin(image)
