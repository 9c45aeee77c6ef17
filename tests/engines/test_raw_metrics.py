"""KEDA's metrics in the registry are what its source defines, at the version whose definitions the lab has."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from blueprint.metrics import keda

MODULE = "github.com/kedacore/keda/v2"
MODULES = Path(__file__).parents[2] / "lab/tools/crds"
DEFINITION = re.compile(
    r"prometheus\.New(?P<type>Gauge|Counter)Vec\(\s*"
    r"prometheus\.\w+Opts\{\s*"
    r"Namespace:\s*DefaultPromMetricsNamespace,\s*"
    r'(?:Subsystem:\s*"(?P<subsystem>\w+)",\s*)?'
    r'Name:\s*"(?P<name>\w+)",\s*'
    r"Help:[^\n]*\n\s*\},\s*"
    r"(?P<labels>\[\]string\{[^}]*\}|\w+),",
)
LISTS = re.compile(r"(\w+)\s*=\s*(\[\]string\{[^}]*\})")


def source() -> str:
    (version,) = re.findall(rf"{re.escape(MODULE)} (v\S+)", (MODULES / "go.mod").read_text())
    if not shutil.which("go"):
        pytest.skip("needs go on PATH")
    command = ["go", "mod", "download", "-json", f"{MODULE}@{version}"]
    done = subprocess.run(command, cwd=MODULES, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"{MODULE} {version} cannot be fetched: {done.stderr or done.stdout}")
    return Path(json.loads(done.stdout)["Dir"], "pkg/metricscollector/prommetrics.go").read_text()


@pytest.mark.prove
def test_kedas_metrics_are_what_its_source_defines(capsys):
    text = source()
    lists = dict(LISTS.findall(text))
    defined = {
        "_".join(filter(None, ("keda", found["subsystem"], found["name"]))): (
            found["type"].lower(),
            tuple(re.findall(r'"(\w+)"', lists.get(found["labels"], found["labels"]))),
        )
        for found in DEFINITION.finditer(text)
    }
    for raw in keda.METRICS:
        assert (raw.name, *defined[raw.name]) == (raw.name, raw.type, tuple(raw.labels))
    assert not {"keda_scaler_errors", "keda_scaled_object_errors"} & defined.keys()
    with capsys.disabled():
        print(f"\nKEDA: {len(defined)} metrics read; compared {len(keda.METRICS)}")  # noqa: T201
