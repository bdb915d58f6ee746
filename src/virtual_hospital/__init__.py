"""A virtual hospital: simulated films with exact truth, real Open-i reports, simulated records,
written as MIMIC has them."""
