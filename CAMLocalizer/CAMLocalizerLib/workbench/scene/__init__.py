"""Scene: the nodes by which a scene shows a review."""
