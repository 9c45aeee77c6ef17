"""Everything that a push must hold, at once."""

from collections.abc import Mapping, Sequence

from ops.project import Project
from ops.space.files import FOLDER, SpaceFile, secret_problems, size_problems
from ops.space.front_matter import front_matter_problems
from ops.space.requirements import pins, requirement_problems


def problems(project: Project, files: Sequence[SpaceFile], environment: Mapping[str, str]) -> list[str]:
    """Why these files may not be pushed. environment: of this process, whose secrets must be in no file."""
    by_name = {file.name: file.path for file in files}

    def text(name: str) -> str | None:
        return by_name[name].read_text(errors="replace") if name in by_name else None

    requirements = text("requirements.txt")
    gradio = next(iter(pins(requirements or "").get("gradio", ())), None)
    return [
        *size_problems(files),
        *front_matter_problems(text("README.md"), by_name, gradio),
        *requirement_problems(requirements, (project.root / FOLDER / "uv.lock").read_text()),
        *secret_problems(files, environment),
    ]
