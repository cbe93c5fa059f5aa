"""Soft activation mapping (Lei et al., 2018)."""
