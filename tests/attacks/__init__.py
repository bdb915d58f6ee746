"""Input that is wrong, and what must come of it: one table a room, each row with its outcome."""
