"""The elements: named sets of parameters that can be tuned while all others stay as they are. One file an element."""
