"""Talking to a model, wherever it runs: how a question gets there, and what comes back."""
