"""Fetches models into a Hugging Face cache, verifies them, and only then says that they are whole.

Runs in a Job, in the engine's own image, from a ConfigMap: any Python from 3.9, the standard library alone, and imports
of its own modules only. huggingface_hub is not used: since https://github.com/huggingface/huggingface_hub/pull/4228 it
begins a file anew after an interruption, and half of a large model is too much to fetch twice.
"""
