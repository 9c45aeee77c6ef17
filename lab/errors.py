"""Failures that the lab expects and explains."""


class LabError(Exception):
    """Something a person can mend; the message says what was found and what to do."""
