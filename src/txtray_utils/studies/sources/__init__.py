"""Where studies come from: one module a source, met through the registry."""
