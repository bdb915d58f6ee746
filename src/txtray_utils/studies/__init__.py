"""The study table, the same from every source: its contract, its splits, its pixels."""
