"""Beside picamera2.py: the one name that Mien takes from libcamera."""

from edge.sources.fake_picamera import FakeColourSpace as ColorSpace

__all__ = ["ColorSpace"]
