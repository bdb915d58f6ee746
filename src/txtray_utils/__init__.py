"""Shared code of the book *Automated Text Descriptions from Imaging: Next Steps*."""

__version__ = "0.1.0"
