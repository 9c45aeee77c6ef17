"""How this project's programs find a stand-in. Light to import: the web framework stays out."""


def environment(url: str) -> dict[str, str]:
    """The variables that lead to the stand-in at `url`. Its tokens are public on purpose: it holds no secret."""
    return {
        "LLM_LAB_HUB": url,
        "LLM_LAB_HUB_TOKEN": "lab-manage",
        "LLM_LAB_HUB_INVOKE_TOKEN": "lab-invoke",
        "LLM_LAB_HUB_READ_TOKEN": "lab-see",
    }
