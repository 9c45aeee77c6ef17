"""Writes how the telemetry's options look, or why they cannot be."""

import json
import sys

from server.telemetry import TelemetryOptions

try:
    told = repr(TelemetryOptions(**json.loads(sys.argv[1])))
except ValueError as error:
    told = str(error)
json.dump(told, sys.stdout)
