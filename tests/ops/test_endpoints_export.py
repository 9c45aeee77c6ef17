"""`llm endpoints export`: the exporter of a stack's endpoints by hand."""

import re
import signal
import time

import httpx2

from lab.hub.world import SEE, Token
from tests.ops.desk import CANARIES

SEES = "hf_CanaryThatSees"


def test_it_serves_the_stacks_endpoints_until_interrupted(desk):
    scopes = {"lab-org": frozenset({SEE})}
    desk.hub.world.add_token(Token(id="sees", value=SEES, account="lab-user", scopes=scopes))
    desk.environment["LLM_LAB_HUB_READ_TOKEN"] = SEES
    process = desk.spawn("endpoints", "export", "--port", "0")
    try:
        url = re.search(r"http://127\.0\.0\.1:\d+/metrics", process.stderr.readline().decode()).group()
        deadline = time.monotonic() + 20
        while "prose-tgi" not in (text := httpx2.get(url, trust_env=False).text):
            assert time.monotonic() < deadline
            time.sleep(0.1)
    finally:
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "Canary" not in text + said.decode()
    (line,) = (one for one in text.splitlines() if one.startswith("hf_endpoint_replicas_ready") and "prose" in one)
    assert 'endpoint="prose-tgi"' in line
    assert 'model="prose"' in line
    assert 'stack="dev"' in line


def test_the_token_that_manages_is_refused(desk):
    result = desk.run("endpoints", "export", "--port", "0", LLM_LAB_HUB_READ_TOKEN=CANARIES["LLM_LAB_HUB_TOKEN"])
    assert result.exit_code == 2
    assert "may change and delete endpoints" in result.stderr


def test_without_a_token_it_says_which_variable(desk):
    result = desk.run("endpoints", "export", LLM_LAB_HUB_READ_TOKEN=None)
    assert result.exit_code == 2
    assert "LLM_LAB_HUB_READ_TOKEN is not set" in result.stderr
