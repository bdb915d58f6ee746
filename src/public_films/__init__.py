"""Collections of public films, each a source of studies: met only through the registry of sources,
as the virtual hospital is."""
