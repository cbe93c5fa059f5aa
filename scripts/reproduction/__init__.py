"""The published studies again, with their data sets, and how the bundled models are trained and measured."""
