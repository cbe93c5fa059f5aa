"""PG-CAM (Lee et al., 2018)."""
