"""Session: the scene, the choices, the run, and the review that the scene shows."""
