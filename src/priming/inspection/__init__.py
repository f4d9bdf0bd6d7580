"""Answers about this machine, a study under way, and finished results: pages that the command line prints."""
