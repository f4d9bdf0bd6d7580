"""Reading rows of files, of the hub or of a mirror, as examples of a task defined in a study."""
