"""Units that are converted in more than one place."""

MM3_PER_ML = 1000.0
