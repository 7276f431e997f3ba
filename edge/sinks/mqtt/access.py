"""What the settings say about getting in: host, password and certificates, each proved before the first frame."""

from __future__ import annotations

import logging
import ssl
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from edge.errors import SinkError

if TYPE_CHECKING:
    from edge.config import MqttConfig

log = logging.getLogger("mien.mqtt")

LOOPBACK = {"localhost", "127.0.0.1", "::1"}


def check_host(config: MqttConfig) -> None:
    """Raises SinkError for what no resolver could ever look up; a name that is unknown today is no error."""
    try:
        config.host.encode("idna")
    except UnicodeError as error:
        raise SinkError(f"mqtt.host = {config.host}: no name or address of a computer") from error


def read_password(config: MqttConfig) -> str | None:
    """The first line of the password file; None if there is to be no password. Raises SinkError."""
    name = config.password_file
    if not name:
        return None
    if not config.username:
        raise SinkError(f"mqtt.password_file = {name}: a password needs a name: set mqtt.username")
    try:
        path = Path(name)
        lines = path.read_text(encoding="utf-8").splitlines()
        mode = path.stat().st_mode
    except UnicodeDecodeError as error:
        raise SinkError(f"mqtt.password_file = {name}: no UTF-8 text") from error
    except OSError as error:
        raise SinkError(f"mqtt.password_file = {name}: cannot be read: {error.strerror}") from error
    if not lines or not lines[0]:
        raise SinkError(f"mqtt.password_file = {name}: its first line is empty")
    if mode & (stat.S_IRGRP | stat.S_IROTH):
        log.warning("mqtt: others can read %s: chmod 600 %s", name, name)
    if not config.tls and config.host not in LOOPBACK:
        log.warning("mqtt: the password goes to %s in the clear; mqtt.tls = true encrypts it", config.host)
    return lines[0]


def tls_context(config: MqttConfig) -> ssl.SSLContext | None:
    """Trusts `ca_file`, or what the system trusts; None without TLS. Raises SinkError."""
    if not config.tls:
        if config.ca_file:
            raise SinkError(f"mqtt.ca_file = {config.ca_file}: is of no use while mqtt.tls = false")
        return None
    try:
        context = ssl.create_default_context(cafile=config.ca_file or None)
    except ssl.SSLError as error:
        raise SinkError(f"mqtt.ca_file = {config.ca_file}: holds no certificate in PEM form") from error
    except OSError as error:
        raise SinkError(f"mqtt.ca_file = {config.ca_file}: cannot be read: {error.strerror}") from error
    context.sslsocket_class = ClosedOnFailure
    return context


class ClosedOnFailure(ssl.SSLSocket):
    """Closed at once if the handshake fails; paho would leave that to the garbage collector, attempt by attempt."""

    def do_handshake(self, block: bool = False) -> None:  # noqa: FBT001, FBT002  (ssl's own signature)
        try:
            super().do_handshake(block)
        except BaseException:
            self.close()
            raise


def reason_of(error: BaseException | None) -> str:
    """Why there is no connection, in a few words."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {error.verify_message} (see mqtt.ca_file)"
    if isinstance(error, ssl.SSLError):
        return f"no TLS: {(error.reason or str(error)).replace('_', ' ').lower()} (see mqtt.port)"
    return getattr(error, "strerror", None) or str(error)
