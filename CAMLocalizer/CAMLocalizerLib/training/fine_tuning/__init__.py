"""Training that starts from a model bundle and its labels of cases that were reviewed."""
