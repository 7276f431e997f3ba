"""What ships to the device: frames in, faces found, emotions classified, events out."""

__version__ = "0.1.0"
