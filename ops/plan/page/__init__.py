"""A plan as one HTML page: no script, no other file, nothing that is fetched."""
