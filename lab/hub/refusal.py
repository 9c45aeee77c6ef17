"""How the service says no."""

from collections.abc import Mapping

from starlette.responses import JSONResponse


class Refusal(Exception):  # noqa: N818 - an answer, not a failure
    """An answer other than success. `{"error": "..."}` is the layout of the API [O22]."""

    def __init__(self, status: int, text: str, *, headers: Mapping[str, str] | None = None, layout: str = "error"):
        super().__init__(text)
        self.status = status
        self.text = text
        self.headers = dict(headers or {})
        self.layout = layout

    def answer(self) -> JSONResponse:
        """The answer."""
        content = {"errors": [{"message": self.text}]} if self.layout == "errors" else {self.layout: self.text}
        return JSONResponse(content, self.status, headers=self.headers)


def invalid(path: str, problem: str, layout: str = "error") -> Refusal:
    """A request whose body is not accepted."""
    return Refusal(400, f"VALIDATION_FAILED: {path}: {problem}", layout=layout)
