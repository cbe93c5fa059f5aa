"""Evaluation: the figures of a model on labelled images, with masks or without."""

__all__: list[str] = []
