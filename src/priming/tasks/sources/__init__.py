"""Sources of tasks' rows: a table with one file per source."""
