"""What the commands find in public collections and in simulated patients."""
