"""`python -m lab.tools helm ARGUMENTS`: run a program that the lab builds, building it at its first use."""

import os
import sys

from lab.errors import LabError
from lab.tools.build import ensure
from lab.tools.sets import HELM

if sys.argv[1:2] != ["helm"]:
    sys.exit("usage: python -m lab.tools helm ARGUMENTS")
try:
    program = str(ensure(HELM).program("helm"))
except LabError as error:
    sys.exit(f"error: {error}")
os.execv(program, [program, *sys.argv[2:]])  # noqa: S606  no shell on purpose
