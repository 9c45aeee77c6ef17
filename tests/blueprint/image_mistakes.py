"""The mistakes that people make with images under names of their own, and what each is answered with."""

from collections.abc import Mapping
from typing import Any

from tests.blueprint.engine_mistakes import LAB_STACK, TOKEN
from tests.blueprint.exposure_mistakes import KEYED
from tests.blueprint.mistakes import MISSING, Mistake, wrong
from tests.blueprint.stack_files import DELETE, MODEL, PROD, edited

BUILD: Mapping[str, Any] = {"context": "server", "args": {"VERSION": "1"}}

IMAGES: Mapping[str, Any] = edited(
    {**{key: value for key, value in PROD.items() if key not in ("budget", "models")}, "models": {}},
    {
        "cluster.gateway": {"name": "public", "namespace": "gateways", "listener": "https"},
        # Two mistakes together may ask for more GPUs than eight.
        "cluster.accelerators.nvidia-l4.available": 32,
        "images": {
            "server": {"repository": "registry.example.com/team/server", "tag": "1.4", "build": BUILD},
            "other": {"repository": "registry.example.com:5000/other", "tag": "1", "build": {"context": "other"}},
        },
        "models": {
            "m-server": {**MODEL, "engine": {"name": "custom"}, "expose": {**KEYED, "split": {"m-named": 10}}},
            "m-named": {**MODEL, "engine": {"name": "custom", "image": "server", "servedName": "m-server"}},
            "m-other": {**MODEL, "engine": {"name": "custom", "image": "other", "userId": 1000}},
        },
    },
)
"""Models in the server of this project, by its absence and by its name, and one in an image of somebody's own."""

SERVER, OTHER = "images.server", "models.m-other.engine"


def images(key: str, value: Any, problem: str, remedy: str, **more: Any) -> Mistake:
    """A mistake in IMAGES."""
    return wrong(key, value, problem, remedy, base=IMAGES, **more)


IMAGE_MISTAKES = {
    "image without repository": images(f"{SERVER}.repository", DELETE, MISSING, "with the registry's host"),
    "image without tag": images(f"{SERVER}.tag", DELETE, MISSING, "What runs is the digest"),
    "repository without host": images(
        f"{SERVER}.repository", "team/server", "does not have the allowed form", "with the registry's host"
    ),
    "repository with a tag": images(
        f"{SERVER}.repository", "registry.example.com/server:1", "does not have the allowed form", "A repository of"
    ),
    "tag with a slash": images(f"{SERVER}.tag", "a/b", "'a/b' does not have the allowed form", "A tag: letters"),
    "name of an image in capitals": Mistake(
        {"images.Spare": {"repository": "registry.example.com/x", "tag": "1"}},
        {"images.Spare": ("'Spare' does not have the allowed form", "lower case letters")},
        IMAGES,
    ),
    "unknown key of an image": images(f"{SERVER}.image", "x", "unknown key", "Allowed here: build,"),
    "unknown key of a build": images(f"{SERVER}.build.cacheTo", [], "unknown key", "Did you mean cacheFrom?"),
    "build without context": images(f"{SERVER}.build.context", DELETE, MISSING, "Directory that is sent to Docker"),
    "context of one machine": images(
        f"{SERVER}.build.context", "/home/me/server", "does not have the allowed form", "not an absolute one"
    ),
    "platform that nobody builds for": images(
        f"{SERVER}.build.platform", "windows/amd64", "'windows/amd64' is not allowed", "Use 'linux/amd64'"
    ),
    "cache without tag": images(
        f"{SERVER}.build.cacheFrom",
        ["registry.example.com/team/server"],
        "does not have the allowed form",
        "An image by its tag",
        at=f"{SERVER}.build.cacheFrom.0",
    ),
    "argument that is a number": images(
        f"{SERVER}.build.args.VERSION", 1, "1 is not a text", "everybody who has the image can read"
    ),
    "key as an argument": images(
        f"{SERVER}.build.args.HF_TOKEN", "x", "a key would stand there in clear text", "docs/images.md"
    ),
    "token as an argument": images(
        f"{SERVER}.build.args.VERSION", TOKEN, "a key would stand there in clear text", "Remove it"
    ),
    "registry without password": images(
        f"{SERVER}.build.registry",
        {"username": "u"},
        MISSING,
        "The NAME of a secret",
        at=f"{SERVER}.build.registry.password",
    ),
    "registry beside the build": images(
        f"{SERVER}.registry", {"username": "u", "password": "push"}, "unknown key", "build, pullSecret, repository, tag"
    ),
    "image that is neither built nor pinned": images(
        "images.other.build",
        DELETE,
        "registry.example.com:5000/other:1 is unresolved in images.lock.yaml",
        "Run `llm lock registry.example.com:5000/other:1`",
        at="images.other.tag",
    ),
    # What models say of them.
    "custom engine without any image": Mistake(
        {"images.server": DELETE},
        {
            "models.m-server.engine.image": (MISSING, "Add it: images: {server:"),
            "models.m-named.engine.image": ("the stack has no image of it", "Add it: images: {server:"),
        },
        IMAGES,
    ),
    "custom engine without any image, in the lab": wrong(
        "models.m-custom.engine.image", DELETE, MISSING, "Or give an image of your own", base=LAB_STACK
    ),
    "name that no image has": images(
        f"{OTHER}.image", "othr", "othr has no digest", "or a name under images: other, server"
    ),
    "user of an image of somebody's own": images(
        f"{OTHER}.userId", DELETE, f"{MISSING}, and it is not known under which user", "under which you have seen"
    ),
    "option of this project's server for another": images(
        f"{OTHER}.dtype", "bfloat16", "only the server of this project", "the image called server"
    ),
    "length of a request for another server": images(
        f"{OTHER}.maxModelLen", 4096, "only the server of this project", "say it in environment"
    ),
    "number format that the server does not know": images(
        "models.m-server.engine.dtype", "fp8", "'fp8' is not allowed", "Use 'auto', 'float32'"
    ),
    "option by its variable": images(
        "models.m-server.engine.environment",
        {"MAX_MODEL_LEN": "1"},
        "it has a setting of its own",
        "Use engine.maxModelLen",
        at="models.m-server.engine.environment.MAX_MODEL_LEN",
    ),
    "keys by their variable": images(
        "models.m-server.engine.environment",
        {"API_KEYS_FILE": "/keys"},
        "its keys come from a Secret",
        "Use expose.keys",
        at="models.m-server.engine.environment.API_KEYS_FILE",
    ),
    "several GPUs for this project's server": images(
        "models.m-server.accelerator.count", 2, "2 GPUs, and the server of this project uses one", "Use count: 1"
    ),
    # Keys of callers.
    "keys for another server": images(
        "models.m-other.expose",
        {**KEYED, "host": "other.example.com"},
        "that of this project, images.server, is",
        "Use auth: gateway",
        at="models.m-other.expose.auth",
    ),
    "share of requests for another server": images(
        "models.m-server.expose.split",
        {"m-other": 10},
        "callers come with the keys of models.m-server",
        "Use auth: gateway",
        at="models.m-server.expose.split.m-other",
    ),
    "one Secret for engines that read different forms": Mistake(
        {
            "models.m-vllm": {**MODEL, "engine": {"name": "vllm", "maxModelLen": 8192}},
            "models.m-server.expose": {
                **{key: value for key, value in KEYED.items() if key != "keys"},
                "keySecret": {"name": "callers", "key": "keys"},
                "split": {"m-vllm": 10},
            },
        },
        {"models.m-server.expose.split.m-vllm": ("vllm reads keys in another form than custom", "Use keys in place")},
        IMAGES,
    ),
}
