"""What deploys and somebody should know: said by the program, and no reason to stop."""

import logging

from blueprint.stack import resolve_stack
from tests.blueprint.stack_files import ENDPOINT, ENGINES
from tests.support import PROJECT, lab_config, registered

TGI = {**ENDPOINT, "engine": ENGINES["tgi"]}


def test_the_program_says_its_warnings_and_goes_on(caplog):
    config = lab_config(huggingface={"namespace": "lab-org", "api": "lab"})
    with caplog.at_level(logging.WARNING):
        resources = registered({**config, "models": {"e": TGI}})
    (warning,) = [record.getMessage() for record in caplog.records if "bug fixes" in record.getMessage()]
    assert warning.startswith("Pulumi.dev.yaml: models.e.engine.name: ")
    assert [one for one in resources if one.type.startswith("pulumi-python:")]


def test_what_the_collector_may_do_is_said():
    collector = {"logsTo": {"address": "http://loki.monitoring.svc:3100/otlp"}, "keepContent": True}
    (warning,) = warned({"m": {}}, collector)
    assert warning.startswith("Pulumi.dev.yaml: monitoring.collector.keepContent: prompts and answers")
    assert "are stored by loki.monitoring.svc. Remove it, unless" in warning
    traces = {"tracesTo": {"address": "http://jaeger.monitoring.svc:4317"}}
    (warning,) = warned({"m": {}, "s": {"engine": {"name": "sglang"}}}, traces)
    assert warning.startswith("Pulumi.dev.yaml: models.s.engine: SGLang ends at its start")
    assert warned({"m": {}}, traces) == []


def warned(models, collector):
    """What a stack with a collector is warned about, and would not be without it."""
    monitoring = {"mode": "operator"}
    plain = lab_config(models, monitoring=monitoring)
    collecting = lab_config(models, monitoring={**monitoring, "collector": collector})
    before, after = (
        resolve_stack("dev", config, PROJECT.models_lock(), PROJECT.images_lock()).warnings
        for config in (plain, collecting)
    )
    return [warning for warning in after if warning not in before]
