"""`llm space push`, by huggingface_hub's real client against the routes that it takes."""

import pytest

from tests.space.played_hub import TOKEN, Space

NAME = "our-org/demo"


def push(checkout, hub, **environment):
    return checkout.llm("push", NAME, **{"HF_ENDPOINT": hub.url, "HF_TOKEN": TOKEN, **environment})


def here(checkout):
    names = (line.split()[1] for line in checkout.llm("check").stdout.splitlines())
    return {name: (checkout.space / name).read_bytes() for name in names}


def test_a_new_space_is_private_and_holds_the_demo_in_one_commit(checkout, hub):
    result = push(checkout, hub)

    assert result.exit_code == 0, result.output
    assert result.stdout == f"{hub.url}/spaces/{NAME}\n"
    assert "HF_INVOKE_TOKEN for an Inference Endpoint, or MODEL_KEY" in result.stderr
    space = hub.spaces[NAME]
    assert {key: space.made[key] for key in ("type", "sdk", "visibility")} == {
        "type": "space",
        "sdk": "gradio",
        "visibility": "private",
    }
    assert space.files == {".gitattributes": b"*.bin filter=lfs\n", **here(checkout)}
    assert len(space.commits) == 1
    assert not any("secrets" in path or "variables" in path for _, path in hub.requests)


def test_the_space_becomes_what_the_folder_is(checkout, hub):
    push(checkout, hub)
    hub.spaces[NAME].files["old.py"] = b"gone here"
    checkout.write("demo/words.py", "# changed\n")

    result = push(checkout, hub)

    assert result.exit_code == 0, result.output
    space = hub.spaces[NAME]
    assert space.files == {".gitattributes": b"*.bin filter=lfs\n", **here(checkout)}
    assert [commit["summary"].endswith("with changes that are not committed") for commit in space.commits] == [
        False,
        True,
    ]


def test_nothing_new_makes_no_commit(checkout, hub):
    push(checkout, hub)
    assert push(checkout, hub).exit_code == 0
    assert len(hub.spaces[NAME].commits) == 1


def test_what_does_not_pass_the_check_reaches_nobody(checkout, hub):
    checkout.edit("README.md", "sdk: gradio", "sdk: docker")
    assert push(checkout, hub).exit_code == 1
    assert hub.requests == []


def test_what_came_meanwhile_is_not_overwritten(checkout, hub):
    hub.meanwhile = lambda: hub.spaces[NAME].files.update({"theirs.py": b""})

    result = push(checkout, hub)

    assert result.exit_code == 1
    assert f"Somebody has pushed to {NAME} meanwhile" in result.stderr
    assert "theirs.py" in hub.spaces[NAME].files


def test_another_token_is_refused_and_not_shown(checkout, hub):
    """The Hub of the test repeats it."""
    result = push(checkout, hub, HF_TOKEN="canary-of-another")
    assert result.exit_code == 2
    assert "HF_TOKEN needs write access to Spaces of our-org." in result.stderr
    assert "canary-of-another" not in result.output


@pytest.mark.parametrize(
    ("path", "answer", "code", "said"),
    [
        ("spaces", (403, {"error": "Forbidden"}), 2, "HF_TOKEN needs write access"),
        ("validate", (400, {"errors": [{"message": f"bad emoji {TOKEN}"}]}), 1, "bad emoji [secret]"),
        ("preupload", (409, {}), 1, "answered HTTP 409"),
        ("commit", (200, {}), 1, "does not answer like the Hub"),
    ],
)
def test_a_refusal_of_the_hub_is_told_without_the_token(checkout, hub, *, path, answer, code, said):
    hub.spaces[NAME] = Space(made={})
    hub.refuse[path] = answer

    result = push(checkout, hub)

    assert result.exit_code == code, result.output
    assert said in result.stderr
    assert hub.spaces[NAME].commits == []


@pytest.mark.parametrize(
    ("arguments", "environment", "said"),
    [
        (["push", "demo"], {"HF_TOKEN": TOKEN}, "it is written OWNER/NAME"),
        (["push", "our org/demo"], {"HF_TOKEN": TOKEN}, "it is written OWNER/NAME"),
        (["push", NAME], {}, "HF_TOKEN is not set"),
        (["push", NAME], {"HF_TOKEN": TOKEN, "HF_ENDPOINT": "http://hub.example.com"}, "HF_ENDPOINT: use https."),
    ],
)
def test_what_cannot_be_pushed_is_said_before_anybody_is_asked(checkout, hub, arguments, environment, said):
    result = checkout.llm(*arguments, **{"HF_ENDPOINT": hub.url, **environment})
    assert (result.exit_code, hub.requests) == (2, [])
    assert said in result.stderr


def test_a_hub_that_is_not_there_is_told(checkout, hub):
    result = push(checkout, hub, HF_ENDPOINT="http://127.0.0.1:9")
    assert result.exit_code == 1
    assert "cannot be reached (ConnectError)" in result.stderr
