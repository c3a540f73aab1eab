"""The plugins that come with neatfool.

They are ordinary plugins: registered under the entry-point group ``neatfool`` as anybody's would
be, and written with the public names of ``neatfool`` alone.
"""
