"""`llm canary`: verdicts from a real Prometheus, and stack files that change step by step."""

import json
import shutil
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
import yaml
from click.testing import CliRunner

from lab.dataplane.load import Load
from lab.dataplane.metrics import exposition
from ops.cli import main
from tests.monitoring.synthetic import Job, scraping
from tests.prometheus import PATIENCE, needs_prometheus
from tests.support import PROJECT, lab_config, merged

VERSION = "0.31.0"
PER_SECOND = 60
GATEWAY = {"name": "public", "namespace": "gateways", "listener": "https"}
EXPOSE = {"host": "llm.example.com", "auth": "gateway"}
TRIED = {"share": 10, "revision": "next", "engine": {"maxNumSeqs": 8, "maxModelLen": 4096}}
GOLDEN = [{"prompt": "Say yes", "contains": "yes"}, {"prompt": "Say 7", "matches": "^[0-9]$"}]


@pytest.fixture
def stack(tmp_path, monkeypatch):
    """A checkout with a `make up` that keeps each state of the stack file that it sees; writes the stack dev."""
    for name in ("Pulumi.yaml", "models.lock.yaml", "images.lock.yaml"):
        shutil.copy(PROJECT.root / name, tmp_path)
    (tmp_path / "Makefile").write_text(
        "up:\n\t@cp Pulumi.$(STACK).yaml seen-`ls seen-* 2>/dev/null | wc -l`\nsmoke:\n\t@echo $(MODEL) > tested\n"
    )
    monkeypatch.chdir(tmp_path)

    def write(model=None, *, namespace="llm", gpus=8):
        one = merged({"expose": EXPOSE, "canary": TRIED}, model or {})
        cluster = {
            "gateway": GATEWAY,
            "namespace": {"name": namespace},
            "accelerators": {"nvidia-l4": {"available": gpus}},
        }
        config = lab_config({"m": one, "other": {}}, cluster=cluster)
        text = yaml.safe_dump({"config": {f"llm-inference:{key}": value for key, value in config.items()}})
        (tmp_path / "Pulumi.dev.yaml").write_text(f"# Ours.\n{text}")
        return tmp_path

    return write


def llm(*words, code=0, **environment):
    result = CliRunner(env=environment).invoke(main, ["canary", *words, "m"])
    assert result.exit_code == code, result.output
    return result.output


def traffic(fails=0, first=0.05):
    """The exposition of an engine that gets PER_SECOND requests, and fails so many of a hundred."""
    now = 0.0
    load = Load(engine="vllm", version=VERSION, model="m", kv_tokens=65_536, clock=lambda: now)

    def text(seconds):
        nonlocal now
        count = sum(totals.requests for totals in load.ended.values())
        for number in range(count, int(seconds * PER_SECOND)):
            bad = number * fails // 100 < (number + 1) * fails // 100
            with load.request(
                prompt_tokens=5, tokens=3, finish="error" if bad else "stop", path="/v1/completions", streamed=True
            ) as request:
                if not bad:
                    request.scheduled()
                    now += first
                    request.produced()
                    now += 0.02
                    request.produced(2)
        return exposition(load)

    return text


def job(namespace, name, text):
    return Job(f"{namespace}/{name}", text, {"namespace": namespace, "pod": f"{name}-1"})


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory):
    """One that watches three stacks: with a good canary, one that fails, and a slow one."""
    canaries = {"good": traffic(), "bad": traffic(fails=20), "slow": traffic(first=0.9)}
    jobs = [
        one
        for namespace, canary in canaries.items()
        for one in (job(namespace, "m", traffic()), job(namespace, "m-canary", canary))
    ]
    with scraping(tmp_path_factory.mktemp("prometheus"), jobs) as server:
        yield server


def verdict(prometheus, *options, code):
    """What is judged, once Prometheus has seen enough."""
    until = time.monotonic() + PATIENCE
    while True:
        result = CliRunner().invoke(
            main, ["canary", "judge", "m", "--url", prometheus.address, "--window=60s", "--json", *options]
        )
        if result.exit_code == code or time.monotonic() > until:
            assert result.exit_code == code, result.output
            return json.loads(result.output)
        time.sleep(1)


@needs_prometheus
@pytest.mark.parametrize(
    ("namespace", "code", "worse"), [("good", 0, set()), ("bad", 1, {"errors"}), ("slow", 1, {"ttft"})]
)
def test_a_verdict_is_what_prometheus_saw_of_both_in_one_window(stack, prometheus, namespace, code, worse):
    stack(namespace=namespace)
    found = verdict(prometheus, code=code)
    assert found["verdict"] == ("withdraw" if worse else "promote")
    assert {one["what"] for one in found["compared"] if one["finding"] == "worse"} == worse
    assert {one["what"] for one in found["compared"]} == {"errors", "ttft", "itl"}
    assert found["requests"]["canary"] == pytest.approx(found["requests"]["stable"], rel=0.2)
    assert len(found["reasons"]) >= 1


@needs_prometheus
def test_too_few_requests_decide_nothing(stack, prometheus):
    stack(namespace="bad")
    found = verdict(prometheus, "--min-requests=1000000", code=3)
    assert found["verdict"] == "undecided"
    assert "1000000 are needed" in found["reasons"][0]


def test_a_prometheus_that_does_not_answer_is_no_verdict(stack):
    stack()
    assert "127.0.0.1:9" in llm("judge", "--url", "http://127.0.0.1:9", code=2)


def test_what_has_no_canary_is_refused_with_those_that_have(stack):
    stack()
    result = CliRunner().invoke(main, ["canary", "judge", "other"])
    assert (result.exit_code, "Models that have one: m." in result.output) == (2, True)


@pytest.mark.parametrize("window", ["10", "m", "59s", "25h", "-5m"])
def test_a_window_is_a_time_with_its_unit(stack, window):
    stack()
    assert "from 60s to 24h" in llm("judge", f"--window={window}", code=2)


def states(root):
    """What each `make up` saw of model m."""
    files = sorted(root.glob("seen-*"))
    return [yaml.safe_load(file.read_text())["config"]["llm-inference:models"]["m"] for file in files]


def test_a_canary_is_withdrawn_in_one_step_that_leaves_the_file_as_it_was_before(stack):
    root = stack()
    llm("withdraw", "--yes")
    (only,) = states(root)
    assert "canary" not in only
    assert (only["engine"]["maxModelLen"], "revision" in only) == (8192, False)
    assert (root / "Pulumi.dev.yaml").read_text().startswith("# Ours.\n")


def test_a_promoted_canary_serves_until_the_model_has_become_it(stack):
    root = stack()
    llm("promote", "--yes")
    first, last = states(root)
    assert (first["revision"], first["engine"]) == ("next", {"name": "vllm", "maxModelLen": 4096, "maxNumSeqs": 8})
    assert first["canary"] == TRIED
    assert last == {key: value for key, value in first.items() if key != "canary"}
    assert (root / "tested").read_text() == "m\n"


def test_where_a_rollout_leaves_nobody_the_canary_answers_all_before(stack):
    root = stack({"expose": {"split": {"other": 30}}}, gpus=3)
    llm("promote", "--yes")
    shares = [state.get("canary", {}).get("share") for state in states(root)]
    assert shares == [70, 70, None]
    assert [state.get("revision") for state in states(root)] == [None, "next", "next"]


def test_without_apply_the_file_alone_changes_and_without_consent_nothing(stack):
    root = stack()
    before = (root / "Pulumi.dev.yaml").read_text()
    assert "give --yes" in llm("promote", code=2)
    assert (root / "Pulumi.dev.yaml").read_text() == before
    assert "+      revision: next" in llm("promote", "--no-apply")
    after = yaml.safe_load((root / "Pulumi.dev.yaml").read_text())["config"]["llm-inference:models"]["m"]
    assert (after["revision"], "canary" in after) == ("next", False)
    assert states(root) == []


@pytest.mark.parametrize(
    ("makefile", "failed"), [("up:\n\t@false\n", "up"), ("up:\n\t@true\nsmoke:\n\t@false\n", "smoke")]
)
def test_a_step_that_fails_is_named_and_the_canary_stays(stack, makefile, failed):
    root = stack()
    (root / "Makefile").write_text(makefile)
    said = llm("promote", "--yes", code=1)
    assert f"`make {failed}` failed in step 1 of 2: m becomes what its canary is" in said
    after = yaml.safe_load((root / "Pulumi.dev.yaml").read_text())["config"]["llm-inference:models"]["m"]
    assert after["canary"] == TRIED
    (root / "Makefile").write_text("up smoke:\n\t@true\n")
    llm("promote", "--yes")
    assert "canary" not in (root / "Pulumi.dev.yaml").read_text()


@pytest.fixture
def two_servers():
    """URLs of a server that does as it is told, and of one that says yes to everything."""

    def serve(answers):
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                assert body["temperature"] == 0
                said = answers(body["messages"][0]["content"])
                answer = json.dumps({"choices": [{"message": {"content": said}}]}).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *args):
                """Say nothing."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = Thread(target=server.serve_forever)
        thread.start()
        return server, thread

    running = [serve(lambda prompt: prompt.removeprefix("Say ")), serve(lambda _: "yes")]
    yield [f"http://127.0.0.1:{server.server_address[1]}" for server, _ in running]
    for server, thread in running:
        server.shutdown()
        thread.join()
        server.server_close()


def golden(stack, tmp_path, services, content):
    """Judge with a file of golden prompts, by a Prometheus that knows nothing, in a lab with these services."""
    stack({"canary": {"golden": "golden.yaml"}})
    (tmp_path / "golden.yaml").write_text(yaml.safe_dump(content))
    (tmp_path / "addresses.json").write_text(json.dumps({"services": services}))
    return {"LLM_LAB_ADDRESSES": str(tmp_path / "addresses.json")}


@needs_prometheus
def test_a_canary_that_fails_a_golden_prompt_is_withdrawn_without_any_numbers(stack, tmp_path, two_servers, prometheus):
    right, wrong = two_servers
    for canary, code in ((wrong, 1), (right, 3)):
        environment = golden(stack, tmp_path, {"llm/m": right, "llm/m-canary": canary}, GOLDEN)
        said = llm("judge", "--url", prometheus.address, code=code, **environment)
        assert ("golden prompt failed, which the model passes: Say 7" in said) is (canary == wrong)
        assert "Say yes" not in said
    # What the model itself fails says nothing.
    environment = golden(stack, tmp_path, {"llm/m": wrong, "llm/m-canary": wrong}, GOLDEN)
    llm("judge", "--url", prometheus.address, code=3, **environment)


@needs_prometheus
@pytest.mark.parametrize(
    "content",
    [[], {}, [{"prompt": "x"}], [{"contains": "x"}], [{"prompt": "x", "matches": "("}], [{"prompt": "x", "has": 1}]],
)
def test_a_file_of_golden_prompts_that_is_none_is_no_verdict(stack, tmp_path, prometheus, content):
    environment = golden(stack, tmp_path, {}, content)
    assert "golden.yaml" in llm("judge", "--url", prometheus.address, code=2, **environment)
