"""The interfaces of plugins, and the data that pass between them.

One generation flows one way::

    scheme.ask()                        -> candidates
    encoding.render(genomes)            -> images       uint8 [N, C, H, W]
    target.score(images)                -> Scores       probs [N, K]
    scheme.tell(candidates, scores)     -> replacements
"""
