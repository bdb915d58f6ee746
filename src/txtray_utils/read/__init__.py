"""A file in, plain values out: films, reports, labels, codes, records. Nothing is trained here."""
