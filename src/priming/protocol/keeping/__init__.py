"""Which step of a tuning is kept: one file an answer."""
