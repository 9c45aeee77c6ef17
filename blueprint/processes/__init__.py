"""From a model's settings to the process that serves it: what an engine is told, by its arguments and environment."""
