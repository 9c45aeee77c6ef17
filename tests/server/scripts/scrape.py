"""Tells the server's telemetry of requests, and writes what a scrape finds while they run and after them."""

import json
import sys
import threading
from urllib.request import urlopen

from prometheus_client.parser import text_string_to_metric_families

from server.telemetry import Telemetry

THREADS, REQUESTS = 8, 50

telemetry = Telemetry(model="m")
port = telemetry.serve("127.0.0.1", 0)


def scrape():
    with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
        families = list(text_string_to_metric_families(answer.read().decode()))
    return [
        {"name": one.name, "type": one.type, "samples": [[s.name, s.labels, s.value] for s in one.samples]}
        for one in families
    ]


def request():
    return telemetry.request("chat", headers={}, request_id="r", parameters={})


def answered():
    watch = request()
    watch.accepted(prompt_tokens=5)
    watch.scheduled()
    watch.produced(1)
    watch.produced(3)
    watch.content(prompt="a secret question", answer="a secret answer")
    return watch


unused = scrape()

done = answered()
telemetry.batch(size=2, waiting=9, running=9, cache_used=0.9)
telemetry.batch(size=0, waiting=3, running=4, cache_used=0.5)
telemetry.gpu_memory({0: 5_000, 1: 6_000})
busy = scrape()

done.ended("ok", finish_reason="stop")
done.ended("error")
done.produced(100)
done.accepted(prompt_tokens=100)
done.scheduled()

for status in ("invalid", "unauthorized", "rejected"):
    request().ended(status)
left = request()
left.accepted(prompt_tokens=7)
left.ended("cancelled")
late = request()
late.accepted(prompt_tokens=7)
late.ended("timeout")
broken = request()
broken.accepted(prompt_tokens=7)
broken.scheduled()
broken.ended("error")
ended = scrape()


def many():
    for _ in range(REQUESTS):
        answered().ended("ok")


# And one watch that all threads end at once: the engine's thread and the API's may.
shared = request()
shared.accepted(prompt_tokens=1)
workers = [threading.Thread(target=many) for _ in range(THREADS)]
workers += [threading.Thread(target=shared.ended, args=("cancelled",)) for _ in range(THREADS)]
for worker in workers:
    worker.start()
for worker in workers:
    worker.join()
crowd = scrape()
telemetry.close()

json.dump({"unused": unused, "busy": busy, "ended": ended, "crowd": crowd}, sys.stdout)
