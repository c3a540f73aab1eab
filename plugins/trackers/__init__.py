"""The observers ``tensorboard`` and ``wandb``: a run in the places where people track training."""
