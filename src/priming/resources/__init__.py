"""Resources of a study: sizes, memory, time, the plan, cluster settings."""
