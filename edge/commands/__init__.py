"""One subcommand a file, thin: each has a click command named `command`."""
