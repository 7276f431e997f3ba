"""Prepares a card that carries Raspberry Pi OS, so that its first boot installs Mien without screen or keyboard."""
