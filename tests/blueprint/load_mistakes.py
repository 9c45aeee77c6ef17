"""The mistakes that people make with the load that they expect, and what each is answered with."""

from tests.blueprint.mistakes import MISSING, wrong
from tests.blueprint.stack_files import DELETE, ENDPOINTS, PROD, edited

LOAD = {"tokensPerSecond": 900, "replicaTokensPerSecond": 450}
LOADED = edited(PROD, {"models.m.load": LOAD})
KEY = "models.m.load"

LOAD_MISTAKES = {
    "load as a number": wrong(KEY, 900, "900 is not a mapping", "Give a mapping"),
    "no load": wrong(f"{KEY}.tokensPerSecond", 0, "0 is below the smallest", "at least 0.01", base=LOADED),
    "load with unit": wrong(f"{KEY}.tokensPerSecond", "900/s", "'900/s' is not a number", "per second", base=LOADED),
    "load without what a replica makes": wrong(
        f"{KEY}.replicaTokensPerSecond", DELETE, MISSING, "was measured to make", base=LOADED
    ),
    "load by another name": wrong(
        f"{KEY}.tokenPerSecond", 1, "unknown key", "Did you mean tokensPerSecond?", base=LOADED
    ),
    "load of what embeds": wrong("models.e-tei.load", LOAD, "engine tei embeds", "Remove it", base=ENDPOINTS),
}
