"""What the demo is told: all mistakes at once, and no token where it does not belong."""

import pytest

from demo.settings import Settings, SettingsError

LEAST = {"MODEL_URL": "https://llm.example.com", "MODEL_NAME": "chat"}
ENDPOINT = "https://abc123.us-east-1.aws.endpoints.huggingface.cloud"
CANARY = "canary-of-a-token"


def test_two_variables_are_enough():
    settings = Settings.of(LEAST)

    assert (settings.url, settings.model, settings.token) == ("https://llm.example.com/v1", "chat", None)
    assert (settings.is_endpoint, settings.langfuse, settings.calls, settings.wake) == (False, None, 4, 600)


@pytest.mark.parametrize(
    "written", ["https://llm.example.com/", "https://llm.example.com/v1", " https://llm.example.com "]
)
def test_the_address_may_be_written_as_people_copy_it(written):
    assert Settings.of({**LEAST, "MODEL_URL": written}).url == "https://llm.example.com/v1"


def test_an_endpoint_is_known_by_its_host_or_by_the_token_for_it():
    assert Settings.of({**LEAST, "MODEL_URL": ENDPOINT}).is_endpoint
    assert Settings.of({**LEAST, "MODEL_URL": "http://127.0.0.1:8000/e/1", "HF_INVOKE_TOKEN": CANARY}).is_endpoint
    assert not Settings.of({**LEAST, "MODEL_KEY": CANARY}).is_endpoint


def test_a_token_is_never_in_the_settings_text():
    assert CANARY not in repr(Settings.of({**LEAST, "MODEL_KEY": CANARY}))


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"MODEL_URL": ""}, "MODEL_URL: set it to the model's address"),
        ({"MODEL_URL": "llm.example.com"}, "MODEL_URL: set it to the model's address"),
        ({"MODEL_URL": "https://user:pass@llm.example.com"}, "MODEL_URL: set it to the model's address"),
        ({"MODEL_URL": "https://llm.example.com:port"}, "MODEL_URL: set it to the model's address"),
        ({"MODEL_URL": "http://llm.example.com"}, "MODEL_URL: use https"),
        ({"MODEL_NAME": " "}, "MODEL_NAME: set it"),
        ({"MODEL_KEY": CANARY, "HF_INVOKE_TOKEN": CANARY}, "are both set"),
        ({"HF_INVOKE_TOKEN": CANARY}, "HF_INVOKE_TOKEN goes to hosts under .endpoints.huggingface.cloud alone"),
        (
            {"HF_INVOKE_TOKEN": CANARY, "MODEL_URL": "https://endpoints.huggingface.cloud.example"},
            "goes to hosts under",
        ),
        ({"MAX_OUTPUT_TOKENS": "0"}, "MAX_OUTPUT_TOKENS: set it to a whole number from 1 to 100000"),
        ({"CONCURRENT_CALLS": "many"}, "CONCURRENT_CALLS: set it to a whole number from 1 to 1000"),
        ({"WAKE_SECONDS": "3601"}, "WAKE_SECONDS: set it to a whole number from 1 to 3600"),
        ({"LANGFUSE_SECRET_KEY": CANARY}, "belong together: only LANGFUSE_SECRET_KEY is set"),
        (
            {"LANGFUSE_SECRET_KEY": CANARY, "LANGFUSE_PUBLIC_KEY": CANARY, "LANGFUSE_BASE_URL": "http://l.example"},
            "LANGFUSE_BASE_URL: use an https address",
        ),
    ],
)
def test_a_mistake_is_told_with_what_to_set(changes, complaint):
    with pytest.raises(SettingsError) as error:
        Settings.of({**LEAST, **changes})
    assert complaint in str(error.value)
    assert len(str(error.value).splitlines()) == 1
    assert CANARY not in str(error.value)


def test_all_mistakes_are_told_at_once():
    with pytest.raises(SettingsError) as error:
        Settings.of({"WAKE_SECONDS": "-1"})
    assert [line.split(":")[0] for line in str(error.value).splitlines()] == ["MODEL_URL", "MODEL_NAME", "WAKE_SECONDS"]
