"""What setup.sh hands over: install, update, repair, uninstall, wheelhouse, flash."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from deploy.checks import MACHINES, RELEASES
from deploy.flash import command as flash
from deploy.machine import Machine, Refusal, say


def parser() -> argparse.ArgumentParser:
    """The command line."""
    top = argparse.ArgumentParser(prog="setup.sh", allow_abbrev=False)
    commands = top.add_subparsers(dest="command", required=True)
    install = commands.add_parser("install", help="install Mien as a service (root)", allow_abbrev=False)
    update = commands.add_parser("update", help="switch to this release, and back if it does not run (root)")
    repair = commands.add_parser(
        "repair", help="make the environment anew after Python or libcamera changed (root)"
    )
    for one in (install, update, repair):
        one.add_argument(
            "--offline", type=Path, metavar="WHEELHOUSE", help="a folder of wheels; no network is used"
        )
        one.add_argument("--dry-run", action="store_true", help="only say what would be done")
        one.add_argument("--no-start", action="store_true", help="do not start the service now")
    install.add_argument("--purpose", help="what it is for; asked where it is not given")
    install.add_argument("--legal-exception", metavar="medical|safety", help="for workplace and education")
    install.add_argument("--source", metavar="KIND", help="picamera, v4l2 or demo; found out where it is not given")
    install.add_argument("--set", action="append", default=[], metavar="SECTION.KEY=VALUE", help="a first setting")
    install.add_argument("--lan", action="store_true", help="let the local network see the page, with a token")
    install.add_argument("--mqtt-password-file", type=Path, metavar="FILE", help="its first line is kept")
    uninstall = commands.add_parser("uninstall", help="remove Mien; settings and records stay (root)")
    uninstall.add_argument("--purge", action="store_true", help="remove settings, records and user, too")
    uninstall.add_argument("--dry-run", action="store_true", help="only say what would be done")
    wheelhouse = commands.add_parser("wheelhouse", help="fetch the wheels for an install without a network")
    wheelhouse.add_argument("folder", type=Path)
    wheelhouse.add_argument("--release", choices=RELEASES, required=True)
    wheelhouse.add_argument("--machine", choices=MACHINES, default="aarch64")
    flash.options(commands.add_parser("flash", help="prepare a card so that its first boot installs Mien"))
    return top


def run(given: argparse.Namespace) -> None:
    """Raises Refusal."""
    if given.command == "wheelhouse":
        from deploy import install, wheelhouse

        wheelhouse.download(install.SOURCE, given.folder, RELEASES[given.release], given.machine)
        return
    if given.command == "flash":
        flash.run(given)
        return
    machine = Machine(dry=given.dry_run)
    with machine.alone():
        change(machine, given)


def change(machine: Machine, given: argparse.Namespace) -> None:
    """What changes this system. Raises Refusal."""
    if given.command == "uninstall":
        from deploy.uninstall import uninstall

        uninstall(machine, purge=given.purge)
        return
    from deploy import install, update

    common = {"wheelhouse": given.offline and given.offline.resolve(), "start": not given.no_start}
    if given.command == "install":
        wishes = install.Wishes(
            given.purpose,
            given.legal_exception,
            given.source,
            tuple(given.set),
            mqtt_password=given.mqtt_password_file,
            lan=given.lan,
            **common,
        )
        install.install(machine, wishes)
    elif given.command == "update":
        update.update(machine, install.Wishes(**common))
    else:
        update.repair(machine, install.Wishes(**common))


def main() -> int:
    try:
        run(parser().parse_args())
    except Refusal as refusal:
        say(str(refusal))
        return 1
    except OSError as error:  # a file or folder that nobody foresaw
        say(f"{error.filename or 'setup.sh'}: {error.strerror or error}")
        return 1
    except KeyboardInterrupt:
        say("interrupted; the same command goes on")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
