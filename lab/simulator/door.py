"""The public host of a simulated model, as the blackbox exporter finds it."""

from collections.abc import Mapping

from blueprint.metrics import blackbox
from blueprint.metrics.raw import Raw
from blueprint.monitoring.probes import PATH, job
from lab.simulator.model import NAMESPACE, Scrape, SimulatedModel

_DAY_SECONDS = 86_400


def door(model: SimulatedModel) -> Scrape:
    """What a probe of it says now. The certificate's end counts from the simulation's beginning, as all times here."""
    name, faults = model.model.name, model.model.faults
    labels = {
        "job": job(NAMESPACE, name),
        "namespace": NAMESPACE,
        "model": name,
        "engine": model.model.engine,
        "instance": f"https://{name}.example.com{PATH}",
    }
    if faults.unasked and model.wrong:
        return labels, None
    answers = any(pod.engine for pod in model.pods) and not (faults.shut and model.wrong)
    said: Mapping[Raw, float] = {
        blackbox.SUCCESS: int(answers),
        blackbox.DURATION: 0.05,
        blackbox.STATUS: 200 if answers else 503,
        blackbox.CERTIFICATE_EXPIRY: faults.certificate_days * _DAY_SECONDS,
    }
    return labels, "".join(f"{raw.name} {value}\n" for raw, value in said.items())
