"""Numbers that published studies of priming print, as data, and what follows from them."""
