"""Training from labels of whole slices."""

__all__: list[str] = []
