"""Quantitative CAM (Kang et al., 2021)."""
