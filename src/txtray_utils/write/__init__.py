"""Write reports: from what others wrote, from findings, or word by word."""
