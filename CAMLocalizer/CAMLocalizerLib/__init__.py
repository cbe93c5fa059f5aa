"""CAMLocalizer: tumours in medical images from the class activation maps of classifiers."""
