"""Where the rows of a task come from: generated, the user's own files, or the hub; `load` is the one way in."""
