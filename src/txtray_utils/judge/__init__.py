"""Score what a model says: retrieval, zero-shot, reports, each with its interval."""
