"""The virtual hospital: simulated films and records around real reports, anatomy and headers."""
