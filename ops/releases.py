"""Helm releases among what the program registers: their objects, as far as they can be known here."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ops.program import Registered, secrets_in
from policy.charts import render_release


class WithheldError(Exception):
    """A release that holds a secret of the configuration, which is in no file and in no rendering."""


def release_objects(release: Registered, root: Path) -> Sequence[dict[str, Any]]:
    """The objects of a release. root: of the project, where paths of charts begin.

    Raises WithheldError, and ChartError for a chart that cannot be rendered here.
    """
    if any(secrets_in(release.inputs)):
        raise WithheldError
    return render_release(release.inputs, root)
