"""Bring films and words into one space: encoders, pairs, objectives, and the one training loop."""
