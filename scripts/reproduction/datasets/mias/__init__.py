"""The mammograms of MIAS."""
