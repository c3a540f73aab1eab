"""An experiment: which plugins, with which options, for how long."""
