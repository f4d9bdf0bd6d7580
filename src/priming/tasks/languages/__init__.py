"""Made-up languages for tagging tasks: two to prime on, one to choose on, eight to tune on, with nothing to fetch."""
