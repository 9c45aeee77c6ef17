"""`llm plan`: what a stack will be, before anything is deployed, in sections of plain data."""
