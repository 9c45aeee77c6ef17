"""A client that never stops asking, and what it saw."""

import json
import threading
import time
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

import httpx2

_PAUSE = 0.02  # after a failure; 50 tries a second show an outage well enough


@dataclass
class Asking:
    """Several callers, each over a connection that it keeps: some want streams, some whole answers.

    failures: when each failed request began, by the monotonic clock, and what was wrong with it.
    """

    url: str
    host: str | None = None
    callers: int = 6
    headers: dict[str, str] = field(default_factory=dict)
    answers: int = 0
    failures: list[tuple[float, str]] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._ask, args=(number % 2 == 0,)) for number in range(self.callers)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def wait_for_answers(self, count: int, *, seconds: float = 150) -> None:
        """Wait until so many more requests were answered."""
        wanted, until = self.answers + count, time.monotonic() + seconds
        while self.answers < wanted:
            assert time.monotonic() < until, self.failures[-3:]
            time.sleep(0.05)

    @property
    def outage(self) -> float:
        """Seconds from the beginning of the first failed request to that of the last one."""
        begun = [moment for moment, _ in self.failures]
        return max(begun) - min(begun) if begun else 0.0

    def _ask(self, stream: bool) -> None:
        headers = {**self.headers, **({"Host": self.host} if self.host else {})}
        with httpx2.Client(base_url=self.url, headers=headers, timeout=150, trust_env=False) as client:
            while not self._over.is_set():
                began = time.monotonic()
                try:
                    wrong = self._once(client, stream)
                except httpx2.HTTPError as error:
                    wrong = repr(error)
                with self._lock:
                    if wrong is None:
                        self.answers += 1
                    else:
                        self.failures.append((began, wrong))
                if wrong is not None:
                    time.sleep(_PAUSE)

    def _once(self, client: httpx2.Client, stream: bool) -> str | None:
        """What was wrong with one request; None when nothing was."""
        body = {"messages": [{"role": "user", "content": "Do you hear me now?"}], "stream": stream}
        answer = client.post("/v1/chat/completions", json=body)
        if answer.status_code != 200:
            return f"HTTP {answer.status_code}: {answer.text[:200]}"
        if stream:
            return None if answer.text.rstrip().endswith("data: [DONE]") else "the stream broke off"
        said = json.loads(answer.text)["choices"][0]["message"]["content"]
        return None if said.endswith("Do you hear me now?") else f"half an answer: {said}"
