"""Review: settings, components, accepted segments and history of one volume; no scene and no widget."""
