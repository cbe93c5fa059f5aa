"""Public data sets and simulated patients as images with labels."""
