"""What `llm lock` asks about models and images, and what becomes of each entry."""
