"""Tasks: sources of rows, few-shot samples, and the folder of a prepared task."""
