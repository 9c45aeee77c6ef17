"""What a stack costs, from its settings alone: US dollars per hour, and per month of 730 hours."""
