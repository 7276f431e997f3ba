"""One file a command of mien-train."""
