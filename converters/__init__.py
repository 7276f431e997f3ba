"""Any sensible model in, a proven int8 package out: the command `mien-convert`."""
