"""Running one job of a study on this machine."""
