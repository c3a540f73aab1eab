"""Kinds of models: a module that lies here is a kind of its name, as in ``onnx:FILE``.

Only a module of several names has entry points in ``setup.cfg``.
"""
