"""The experiments that come with neatfool; ``neatfool experiments copy`` puts them where you are.

This makes the folder a package, so that its files are installed. There is no other code in it.
"""
