"""Preparing tasks defined in a study."""
