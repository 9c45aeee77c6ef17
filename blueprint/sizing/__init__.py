"""Whether a model fits: its facts, the memory that an engine divides up, and what is left for requests."""
