"""`python -m priming` is the command `priming`; under Snakemake its steps run in forks (priming.running.forks)."""

import sys

from priming.running import forks

status = forks.run(sys.argv[1:])
if status is None:
    from priming.cli import main

    main()
else:
    forks.finish(status)
