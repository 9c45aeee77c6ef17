"""Write the table of an engine version's flags from its own sources: `python -m tests.engines.record vllm 0.33.0`.

TGI has no wheel: name its file, `python -m tests.engines.record tgi 3.3.5 launcher/src/main.rs`.
"""

import sys
from pathlib import Path

from tests.engines import sglang_parser, tgi_parser, vllm_parser
from tests.engines.options import table
from tests.engines.sources import sources

FLAGS = Path(__file__).parents[2] / "blueprint/engines/flags"
_READERS = {"vllm": vllm_parser.options, "sglang": sglang_parser.options}


def table_of(engine: str, version: str) -> str:
    """The table, read from the wheel.

    Raises NoSourcesError.
    """
    return table(_READERS[engine](sources(engine, version)), f"{engine} {version}, read in its wheel")


def main(engine: str, version: str, *source: str) -> None:
    if engine == "tgi":
        options = tgi_parser.options(Path(source[0]).read_text())
        text = table(options, f"tgi {version}, read in launcher/src/main.rs at v{version}")
    else:
        text = table_of(engine, version)
    path = FLAGS / f"{engine}-{version}.txt"
    path.write_text(text)
    print(f"{path}: {len(text.splitlines()) - 2} options")  # noqa: T201


if __name__ == "__main__":
    main(*sys.argv[1:])
