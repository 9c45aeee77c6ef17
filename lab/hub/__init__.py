"""A stand-in for Hugging Face's Inference Endpoints API and for the part of the Hub that this project uses."""

ENDPOINTS = "endpoint-"
"""How the names of real processes behind endpoints begin."""
