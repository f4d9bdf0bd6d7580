"""The few-shot protocol: which rows train, develop and test, how long a tuning lasts, which of its steps is kept."""
