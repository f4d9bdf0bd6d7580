"""Runs side by side: their parameters, the training loop, update rules, dropout, random numbers, checkpoints."""
