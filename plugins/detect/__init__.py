"""The command ``neatfool detect``: what would detectors of the unfamiliar have caught?"""
