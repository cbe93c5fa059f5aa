"""Weakly supervised PET tumour detection using class response (Amyar et al., 2020)."""
