"""The model, and the batching that answers many requests with it at once."""
