"""Whether requirements.txt, which the Space installs, is what uv.lock says."""

import re
import tomllib
from typing import Any

WHERE = "space/requirements.txt"
_PIN = re.compile(r"(?P<name>[a-z0-9][a-z0-9.-]*)==(?P<version>[^\s;]+)(\s*;.*)?")
_ANEW = "`make space-lock` writes it anew."


def pins(requirements: str) -> dict[str, set[str]]:
    """The versions that a requirements file pins, by name: one, or several for different Pythons."""
    found: dict[str, set[str]] = {}
    for line in requirements.splitlines():
        if match := _PIN.fullmatch(line.strip()):
            found.setdefault(match["name"], set()).add(match["version"])
    return found


def requirement_problems(requirements: str | None, lock: str) -> list[str]:
    """What the Space would install, and the lock does not say, or the other way round."""
    if requirements is None:
        return [f"{WHERE} is missing, or Git does not know it. {_ANEW}"]
    lines = [line.strip() for line in requirements.splitlines()]
    loose = [line for line in lines if line and not line.startswith("#") and not _PIN.fullmatch(line)]
    problems = [f"{WHERE}: {line!r} is no pinned version. {_ANEW}" for line in loose]
    here, locked = pins(requirements), _needed(tomllib.loads(lock))
    for name in sorted(here.keys() | locked.keys()):
        mine, theirs = here.get(name, set()), locked.get(name, set())
        if mine != theirs:
            problems.append(f"{WHERE}: {name} is {_versions(mine)}, and in uv.lock {_versions(theirs)}. {_ANEW}")
    return problems


def _needed(lock: dict[str, Any]) -> dict[str, set[str]]:
    """The packages that the project of a lock needs to run, with what they need in turn; without its groups."""
    packages: dict[str, list[dict[str, Any]]] = {}
    for package in lock["package"]:
        packages.setdefault(package["name"], []).append(package)
    needed: dict[str, set[str]] = {}
    open_ends = [package for package in lock["package"] if "virtual" in package["source"]]
    while open_ends:
        package = open_ends.pop()
        extras = [one for extra in package.get("optional-dependencies", {}).values() for one in extra]
        for dependency in [*package.get("dependencies", []), *extras]:
            for candidate in packages[dependency["name"]]:
                name, version = candidate["name"], candidate["version"]
                if dependency.get("version", version) == version and version not in needed.get(name, set()):
                    needed.setdefault(name, set()).add(version)
                    open_ends.append(candidate)
    return needed


def _versions(versions: set[str]) -> str:
    return " and ".join(sorted(versions)) or "not there"
