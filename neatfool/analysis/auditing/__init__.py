"""The report card of a network: what it accepts that is nothing, and which threshold to take."""
