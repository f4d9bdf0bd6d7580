"""`python -m priming` is the command `priming`."""

from priming.cli import main

main()
