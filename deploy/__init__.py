"""Onto the Pi: installs, updates and removes Mien, and prepares a card for its first boot.

Runs on the system's own Python before Mien's environment exists, so only the standard library is imported here.
"""
