"""Reproduction of the published studies, their data sets, and training and evaluation of the bundled models."""
