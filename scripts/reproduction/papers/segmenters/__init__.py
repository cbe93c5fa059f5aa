"""Classifiers as segmenters (Guan and Loew, 2021)."""
