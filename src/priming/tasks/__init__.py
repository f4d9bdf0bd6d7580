"""Tasks: where their rows come from, few-shot samples of them, and the folder in which a prepared task lies."""
