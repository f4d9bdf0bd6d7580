"""Side-by-side runs, multi-task learning, meta-learning and tuning."""
