"""Tables and figures, made only from the results of a study."""
