"""What training, converters and the device must agree on, owned in one place."""
