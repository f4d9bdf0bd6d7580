"""Numbers from published studies of priming, as data, and values recomputed from them."""
