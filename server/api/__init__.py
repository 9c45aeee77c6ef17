"""The HTTP interfaces: OpenAI's, TGI's, and what probes ask."""
