"""Draws: which rows of a task train, and which develop. One file a draw."""
