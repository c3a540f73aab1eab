"""Drawing: inputs, colours, the renderers for CPUs, GPUs and torch, and their gradients."""
