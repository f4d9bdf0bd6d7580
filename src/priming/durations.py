"""Durations in words."""


def duration(seconds: float) -> str:
    """`0.8 s`, `12 s`, `12 min`, `3.1 h` or `5.2 days`."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 100:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 172_800 else f"{seconds / 86_400:,.1f} days"
