"""The models that sizing is held to (bench/fit/models.yaml), and the bench over published measurements."""

import functools
import importlib.util
import sys
from pathlib import Path

import yaml
from hypothesis import HealthCheck, settings

from blueprint.sizing.config import read_config

ROOT = Path(__file__).parents[3]
AT_ANY_SPEED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""Of properties of arithmetic: on a machine that is busy with other tests nothing is fast, drawing least of all."""

MODELS = yaml.safe_load((ROOT / "bench/fit/models.yaml").read_text())


@functools.cache
def facts_of(name):
    return read_config(MODELS[name]["config"])


def bench():
    """bench/fit.py, which is no package."""
    spec = importlib.util.spec_from_file_location("bench_fit", ROOT / "bench/fit.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["bench_fit"] = module
    spec.loader.exec_module(module)
    return module
