"""A recipe so small that a test can train by it, with all that a training carries from epoch to epoch."""


def tiny_recipe(epochs: int) -> str:
    """As TOML: votes as a second head, mixup, a warm-up that ends within an epoch, averaged weights."""
    return f"""
name = "tiny"
[model]
size = "small"
[loss]
second_head_weight = 0.5
[augment]
mixup = 0.2
[train]
epochs = {epochs}
batch_size = 16
learning_rate = 0.02
warmup_epochs = 0.5
ema = 0.5
precision = "float32"
"""
