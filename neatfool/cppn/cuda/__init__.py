"""The renderer for NVIDIA's GPUs: one kernel interprets tapes, a block a genome and a tile."""
