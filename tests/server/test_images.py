"""Both images, built and run by the real docker on bases made here. Sizes are printed."""

import json
import re
import shutil
import time
from concurrent.futures import ThreadPoolExecutor

import httpx2 as httpx
import pytest

from tests.server import docker as d
from tests.server.docker import built, docker, inspect, until
from tests.support import PROJECT

pytestmark = [pytest.mark.prove, pytest.mark.skipif(not d.available(), reason=d.NEEDS)]

SERVER = PROJECT.root / "server"
MODEL = "Qwen/Qwen2.5-1.5B-Instruct"
VLLM = "llm-inference-tests/vllm:test"
OURS = "llm-inference-tests/server:test"


@pytest.fixture(scope="module")
def vllm_image():
    yield built(SERVER / "Dockerfile.vllm", VLLM, base=d.vllm_base())
    d.remove(VLLM)


@pytest.fixture
def container():
    """Start containers; they are gone afterwards."""
    names = []

    def run(image, *words, environment=()):
        options = [word for pair in environment for word in ("--env", pair)]
        names.append(docker("run", "--detach", *options, *words, image))
        return names[-1]

    yield run
    if names:
        docker("rm", "--force", *names)


def said(name):
    """The JSON lines of a container."""
    return [json.loads(line) for line in docker("logs", name).splitlines()]


def test_vllm_gets_exactly_what_its_environment_says(vllm_image, container):
    name = container(
        VLLM,
        environment=(
            f"MODEL_NAME={MODEL}",
            "MODEL_REVISION=989aa7980e4c",
            "MAX_MODEL_LEN=4096",
            "GPU_MEMORY_UTILIZATION=0.85",
            "TENSOR_PARALLEL_SIZE=4",
            "DRAIN_SECONDS=30",
            "EXTRA_ARGS=--served-model-name 'two words' --dtype=auto",
            "VLLM_API_KEY=canary-key",
        ),
    )
    assert docker("wait", name) == "0"
    (start,) = said(name)
    assert start["argv"] == [
        "serve",
        MODEL,
        "--revision=989aa7980e4c",
        "--host=0.0.0.0",
        "--port=8000",
        "--max-model-len=4096",
        "--gpu-memory-utilization=0.85",
        "--tensor-parallel-size=4",
        "--shutdown-timeout=30",
        "--served-model-name",
        "two words",
        "--dtype=auto",
    ]
    assert (start["pid"], start["uid"]) == (1, 2000)
    assert start["environment"]["VLLM_API_KEY"] == "canary-key"
    assert start["environment"]["HF_HOME"] == "/home/vllm/.cache/huggingface"


def test_vllms_image_has_the_documented_defaults(vllm_image, container):
    name = container(VLLM, environment=(f"MODEL_NAME={MODEL}",))
    assert docker("wait", name) == "0"
    assert said(name)[0]["argv"][2:] == [
        "--host=0.0.0.0",
        "--port=8000",
        "--max-model-len=8192",
        "--gpu-memory-utilization=0.9",
        "--tensor-parallel-size=1",
        "--shutdown-timeout=60",
    ]


@pytest.mark.parametrize("environment", [(), (f"MODEL_NAME={MODEL}", "EXTRA_ARGS=--port 1")], ids=["no model", "taken"])
def test_vllm_is_not_started_with_what_cannot_be(vllm_image, container, environment):
    name = container(VLLM, environment=environment)
    assert docker("wait", name) == "1"
    assert docker("logs", name) == ""


def stopped(name):
    """Stop a stand-in as soon as its health check finds it: what it said last, and its exit code."""
    until(lambda: inspect(name)["State"]["Health"]["Status"] == "healthy", seconds=60)
    docker("stop", "--time", "20", name)
    return said(name)[-1], inspect(name)["State"]["ExitCode"]


def test_docker_stop_reaches_vllm(vllm_image, container):
    name = container(VLLM, "--health-interval=1s", environment=(f"MODEL_NAME={MODEL}", "STAND_IN_SERVES=1"))
    assert stopped(name) == ({"signal": "SIGTERM"}, 0)


def test_a_volume_for_the_cache_is_writable(vllm_image, container):
    try:
        words = ("--rm", "--volume", "llm-inference-tests:/home/vllm/.cache/huggingface", "--entrypoint", "sh")
        docker("run", *words, VLLM, "-c", "touch /home/vllm/.cache/huggingface/written")
    finally:
        docker("volume", "rm", "llm-inference-tests")


def test_vllms_image_built_again_is_the_same(vllm_image):
    assert built(SERVER / "Dockerfile.vllm", VLLM, base=d.VLLM_BASE) == vllm_image


def test_no_secret_lies_in_an_image(vllm_image):
    """Settings of the environment are known to everybody who has the image."""
    assert [entry for entry in inspect(VLLM)["Config"]["Env"] if re.search(r"KEY|TOKEN|SECRET", entry)] == []


@pytest.fixture(scope="module")
def server_image(tmp_path_factory):
    """Ours, from a copy of its folder in which things lie that must stay out."""
    context = tmp_path_factory.mktemp("image") / "server"
    shutil.copytree(SERVER, context, ignore=shutil.ignore_patterns(".venv", "__pycache__"))
    (context / ".venv/lib").mkdir(parents=True)
    (context / ".venv/lib/stray.py").write_text("")
    (context / "keys.txt").write_text("canary-key")
    image = built(context / "Dockerfile", OURS, base=d.python_base())
    yield context, image
    d.remove(OURS)


def inside(*words):
    """What a command printed in our image."""
    return docker("run", "--rm", "--entrypoint", words[0], OURS, *words[1:])


def test_our_image_has_what_the_server_needs_and_nothing_that_builds(server_image, capsys):
    imports = "import torch, transformers, fastapi, uvicorn, prometheus_client, server.run; print(torch.__version__)"
    assert inside("python", "-c", imports)
    assert inside("id", "-u") == "1000"
    tools = "for tool in pip pip3 uv gcc cc make; do command -v $tool; done; python -m pip --version 2>/dev/null"
    assert inside("sh", "-c", f"{tools}; true") == ""
    found = "import importlib.util as u; print([name for name in ('pip', 'ensurepip', 'uv') if u.find_spec(name)])"
    assert inside("python", "-c", found) == "[]"
    with capsys.disabled():
        sizes = {name: round(inspect(name)["Size"] / 1e6) for name in (d.BASE, OURS)}
        print(f"\nimage sizes, MB: {sizes}")  # noqa: T201


def test_only_the_server_is_in_our_image(server_image):
    lying = inside("find", "/app", "-type", "f", "-not", "-name", "*.py").splitlines()
    assert sorted(lying) == ["/app/server/pyproject.toml", "/app/server/uv.lock"]
    assert inside("find", "/app", "-name", "stray.py", "-o", "-name", "vllm") == ""


def test_our_image_says_how_it_runs(server_image):
    config = inspect(OURS)["Config"]
    assert config["Entrypoint"] == ["python", "-m", "server"]
    assert config["User"] == "1000:1000"
    assert {"HOST=0.0.0.0", "PORT=8080", "METRICS_PORT=8001"} <= set(config["Env"])
    assert set(config["ExposedPorts"]) == {"8080/tcp", "8001/tcp"}
    assert "/health" in " ".join(config["Healthcheck"]["Test"])


@pytest.fixture
def readable(tiny, tmp_path):
    """The tiny model, for a user who is not its owner."""
    tmp_path.chmod(0o755)
    copy = shutil.copytree(tiny, tmp_path / "tiny")
    for file in copy.iterdir():
        file.chmod(0o644)
    return copy


def test_docker_stop_lets_a_stream_come_to_its_end(server_image, container, readable):
    """Within DRAIN_SECONDS, and long before docker's own patience ends."""
    words = ("--publish", "127.0.0.1::8080", "--volume", f"{readable}:/models/tiny:ro")
    name = container(OURS, *words, environment=("MODEL_ID=/models/tiny", "DRAIN_SECONDS=60", "OMP_NUM_THREADS=1"))
    url = f"http://{docker('port', name, '8080/tcp')}"
    until(lambda: ready(url), seconds=120)
    body = {"prompt": "The cluster", "max_tokens": 600, "temperature": 0, "ignore_eos": True, "stream": True}
    with (
        ThreadPoolExecutor(1) as threads,
        httpx.stream("POST", f"{url}/v1/completions", json=body, timeout=60) as answer,
    ):
        events = (line for line in answer.iter_lines() if line)
        assert "error" not in next(events)
        began = time.monotonic()
        stopping = threads.submit(docker, "stop", "--time", "80", name)
        *_, last, done = events
        assert json.loads(last.removeprefix("data: "))["choices"][0]["finish_reason"] == "length"
        assert done == "data: [DONE]"
        stopping.result()
    assert inspect(name)["State"]["ExitCode"] == 0
    assert time.monotonic() - began < 60
    assert said(name)[-1]["message"] == "exit"


def ready(url):
    try:
        return httpx.get(f"{url}/ready").status_code == 200
    except httpx.TransportError:
        return False


def test_our_image_built_again_is_the_same_and_new_code_installs_nothing(server_image):
    context, image = server_image
    dockerfile = context / "Dockerfile"
    assert built(dockerfile, OURS, base=d.BASE) == image
    installed = inspect(OURS)["RootFS"]["Layers"][:-1]
    (context / "generation.py").write_text("# other code\n")
    assert built(dockerfile, OURS, base=d.BASE) != image
    assert inspect(OURS)["RootFS"]["Layers"][:-1] == installed


def test_docker_stop_reaches_our_server(server_image, container):
    """`python -m server` is process 1; a stand-in says so, as it needs no model."""
    context, _ = server_image
    shutil.copy(d.STAND_IN, context / "__main__.py")
    built(context / "Dockerfile", OURS, base=d.BASE)
    name = container(OURS, "--health-interval=1s", environment=("STAND_IN_SERVES=1",))
    assert stopped(name) == ({"signal": "SIGTERM"}, 0)
    start = said(name)[0]
    assert (start["pid"], start["uid"], start["environment"]["HOST"]) == (1, 1000, "0.0.0.0")
