"""What deploys and somebody should know: said by the program, and no reason to stop."""

import logging

from tests.blueprint.stack_files import ENDPOINT, ENGINES
from tests.support import lab_config, registered

TGI = {**ENDPOINT, "engine": ENGINES["tgi"]}


def test_the_program_says_its_warnings_and_goes_on(caplog):
    config = lab_config(huggingface={"namespace": "lab-org", "api": "lab"})
    with caplog.at_level(logging.WARNING):
        resources = registered({**config, "models": {"e": TGI}})
    (warning,) = [record.getMessage() for record in caplog.records if "bug fixes" in record.getMessage()]
    assert warning.startswith("Pulumi.dev.yaml: models.e.engine.name: ")
    assert [one for one in resources if one.type.startswith("pulumi-python:")]
