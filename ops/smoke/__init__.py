"""`llm smoke`: whether what was deployed answers, asked as its callers ask."""
