"""The bundled model `brain-t1ce`."""
