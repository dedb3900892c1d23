"""Predicts high water at Port Ellory from two constituents.

The amplitudes come from the harbour office's readings of 2019: 0.62 m for the lunar tide M2 and 0.21 m for the solar
tide S2.
"""

import math

M2_AMPLITUDE = 0.62  # metres
S2_AMPLITUDE = 0.21  # metres
M2_PERIOD = 12.4206  # hours
S2_PERIOD = 12.0     # hours

# The harbour sill dries out below this level, so that boats with a keel cannot enter.
SILL_LEVEL = -0.45  # metres relative to mean sea level


def water_level(hours):
    """Level above mean sea level, in metres, `hours` after the reference high water."""
    lunar = M2_AMPLITUDE * math.cos(2 * math.pi * hours / M2_PERIOD)
    solar = S2_AMPLITUDE * math.cos(2 * math.pi * hours / S2_PERIOD)
    return lunar + solar


def harbour_is_open(hours):
    """Whether a boat with a keel can cross the sill."""
    return water_level(hours) > SILL_LEVEL
