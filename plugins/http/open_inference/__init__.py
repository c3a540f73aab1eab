"""The Open Inference Protocol, version 2.

:mod:`.metadata` is what a model says of itself; of that and the :mod:`.options` the
:mod:`.signature` is made: the tensors that are used. :mod:`.protocol` writes requests and reads
answers.
"""
