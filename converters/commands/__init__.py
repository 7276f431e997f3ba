"""One subcommand a file; `command` is what converters/cli.py looks for."""
