"""From what engines expose, over the rules that a stack registers, to every panel: in a real Prometheus."""

import contextlib
from functools import partial

import pytest

from blueprint.monitoring import recorded
from blueprint.monitoring.dashboards import dashboards
from tests.blueprint.stack_files import MODEL
from tests.monitoring.engines import engine_series, newest
from tests.monitoring.known import recorded_names
from tests.monitoring.synthetic import Job, exporters_series, filled, scraping
from tests.prometheus import needs_prometheus
from tests.support import lab_config, manifests

pytestmark = needs_prometheus

# By model: what it runs on, and how many requests run there, and as many wait.
MODELS = {
    "old": ({"name": "vllm", "version": "0.31.0", "maxModelLen": 8192}, 3),
    "new": ({"name": "vllm", "version": "0.33.0", "maxModelLen": 8192}, 5),
    "idle": ({"name": "vllm", "version": "0.33.0", "maxModelLen": 8192}, 0),
    "sglang": ({"name": "sglang", "maxModelLen": 8192}, 7),
    "tgi": ({"name": "tgi", "maxTotalTokens": 8192}, 11),
}
PODS = {name: f"{name}-7c9f6d5b8-x2x7k" for name in MODELS}


def stack():
    """The stack's objects; each model's pods hold one GPU."""
    one = {"min": 1, "max": 1}
    return manifests(
        {
            **lab_config(
                cluster={
                    "accelerators": {"nvidia-l4": {"hourlyUsd": 0.8}},
                    "gateway": {"name": "public", "namespace": "gateways", "listener": "https"},
                },
                monitoring={"mode": "operator", "probes": {}, "dcgm": {}},
                budget={"monthlyUsd": 9000},
            ),
            "models": {
                name: {
                    **MODEL,
                    "engine": engine,
                    "scaling": one,
                    "expose": {"host": f"{name}.example.com", "auth": "none", "allowPublic": True},
                }
                for name, (engine, _) in MODELS.items()
            },
        }
    )


def jobs():
    """What Prometheus scrapes of these models, and of a router that gives vLLM's names again."""
    for name, (engine, requests) in MODELS.items():
        version = engine.get("version", newest(engine["name"]))
        text = partial(engine_series, engine["name"], version, requests)
        yield Job(f"llm/{name}", text, {"namespace": "llm", "pod": PODS[name], "container": "engine"})
    yield Job("llm/router", partial(engine_series, "vllm", "0.33.0", 1000), {"namespace": "llm", "pod": "router-1"})
    yield Job("exporters", partial(exporters_series, PODS))


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    objects = stack()
    names = ("llm-stack", *MODELS)
    groups = [group for name in names for group in objects[f"PrometheusRule/{name}"]["spec"]["groups"]]
    with scraping(
        tmp_path_factory.mktemp("prometheus"), list(jobs()), [{**one, "interval": "1s"} for one in groups]
    ) as p:
        for name in recorded_names():
            p.answered(name)
        p.answered('ALERTS{alertstate="firing"}')
        yield p


def test_each_model_has_its_own_numbers_and_nobody_elses(recording):
    for name in (recorded.RUNNING, recorded.WAITING):

        def found(name=name):
            return {one["metric"]["model"]: float(one["value"][1]) for one in recording.query(name)}

        # The first of them may be recorded a scrape before the last.
        with contextlib.suppress(TimeoutError):
            recording.wait(lambda found=found: len(found()) >= len(MODELS))
        assert found() == {model: requests for model, (_, requests) in MODELS.items()}


def test_every_panel_shows_what_the_rules_record(recording, capsys):
    queries = [
        (f"{dashboard.uid}/{panel['title']}", filled(dashboard.uid, target["expr"], model="new"))
        for dashboard in dashboards(monthly_usd=9000)
        for panel in dashboard.model()["panels"]
        for target in panel.get("targets", ())
    ]

    def unanswered():
        return [f"{panel}: {expr}" for panel, expr in queries if not recording.query(expr)]

    # A rate needs two scrapes of each engine, which a busy machine may be late with.
    with contextlib.suppress(TimeoutError):
        recording.wait(lambda: not unanswered())
    assert unanswered() == []
    with capsys.disabled():
        print(f"\n{len(queries)} queries of panels answered from {len(recorded_names())} recorded names")  # noqa: T201
