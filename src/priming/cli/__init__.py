"""The command line."""


def main() -> None:
    """Run the command line."""
    from priming.cli.app import main as run

    run()
