"""The observers ``tensorboard`` and ``wandb``: a run in the places where people track training.

:class:`.following.Follower` reads what a run has recorded, every few seconds, and tells it in
figures and a contact sheet. :mod:`.tensorboard` writes event files;
:mod:`.wandb` talks to Weights & Biases, or to trackio, which has the same functions.
"""
