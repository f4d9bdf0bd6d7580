"""Scores of predictions, gains of one strategy over another, and their intervals."""
