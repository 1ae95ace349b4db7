"""Every model family that transformers has, tried under fovea."""
