"""The algorithms of priming: multi-task learning and meta-learning. One file an algorithm."""
