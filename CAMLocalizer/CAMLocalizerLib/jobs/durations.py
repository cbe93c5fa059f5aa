"""Durations in words."""


def in_words(seconds: float) -> str:
    """Return a rounded duration with its unit: ``8 s``, ``3 min``."""
    whole = max(1, round(seconds))
    return f"{whole} s" if whole < 90 else f"{round(whole / 60)} min"
