"""What is raised, by concern. Each alert has a page of its name in docs/runbooks/."""
