"""Tables of results quoted in documents: stored with their provenance, and inserted by a command."""
