"""`llm canary`: judge what is tried beside a model, and promote or withdraw it."""
