"""Localisation quality: a model's label maps and probabilities against masks and labels, with intervals by patient."""
