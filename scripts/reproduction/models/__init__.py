"""The bundled models: how they are trained and measured."""
