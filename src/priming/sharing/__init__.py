"""Giving results away: folders that other libraries open, and answers to a user's own rows."""
