"""What deploys and somebody should know: said by the program, and no reason to stop."""

import logging

from blueprint.locks import ModelsLock
from blueprint.stack import resolve_stack
from tests.blueprint.sizing.models import facts_of
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


LOCKED = "Qwen/Qwen2.5-1.5B-Instruct@main"


def sized(models, name="Llama-3.1-8B"):
    """A stack of lab models whose lock has the facts of a known one."""
    pin = PROJECT.models_lock().models[LOCKED].model_copy(update={"facts": facts_of(name)})
    lock = ModelsLock(models={LOCKED: pin})
    return resolve_stack("dev", lab_config(models), lock, PROJECT.images_lock())


def test_what_fits_is_a_note_and_what_does_not_is_a_warning_with_ways_out():
    fitting = sized({"m": {}})
    assert fitting.warnings == []
    note, cost = fitting.notes
    assert note.startswith("models.m: nvidia-l4, fits on 1 x 21.96 GiB: KV cache ")
    assert cost == "cost: unknown, without cluster.accelerators.nvidia-l4.hourlyUsd"
    long = sized({"m": {"engine": {"maxModelLen": 131072}}})
    assert long.notes == [cost]
    (warning,) = long.warnings
    assert warning.startswith("Pulumi.dev.yaml: models.m: nvidia-l4, does not fit on 1 x 21.96 GiB: ")
    assert "Clearly fits with maxModelLen: 13312 or accelerator.count: 4." in warning
    (tight,) = sized({"m": {"engine": {"maxModelLen": 24576}}}).warnings
    assert "nvidia-l4, tight on 1 x 21.96 GiB" in tight


def test_nothing_is_said_of_a_model_whose_facts_are_not_known():
    stack = resolve_stack("dev", lab_config(), PROJECT.models_lock(), PROJECT.images_lock())
    assert (stack.warnings, [note for note in stack.notes if not note.startswith("cost:")]) == ([], [])


def test_a_model_is_judged_on_the_smallest_gpu_that_it_may_get_and_as_it_is_divided():
    accelerators = {"nvidia-l4": {"available": 8}, "nvidia-h100": {"available": 8}}
    pin = PROJECT.models_lock().models[LOCKED].model_copy(update={"facts": facts_of("Llama-3.1-8B")})
    model = {"accelerator": {"type": "nvidia-h100", "alternatives": ["nvidia-l4"], "count": 2}}
    config = lab_config({"m": model}, cluster={"accelerators": accelerators})
    stack = resolve_stack("dev", config, ModelsLock(models={LOCKED: pin}), PROJECT.images_lock())
    assert stack.notes[0].startswith("models.m: nvidia-l4, fits on 2 x 21.96 GiB")
