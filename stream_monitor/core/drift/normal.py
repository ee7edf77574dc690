"""The upper tail of the standard normal distribution."""

import math


def normal_survival(z: float) -> float:
    """Return P(Z > z) for a standard normal Z.

    Formula: erfc(z/√2)/2. Assumption: none beyond normality. Every finite or infinite z is defined.
    Range: 0 to 1, no units; keeps its relative accuracy far into the upper tail.
    Reference: Abramowitz and Stegun, Handbook of Mathematical Functions, 26.2.29.

    >>> round(normal_survival(1.959964), 6)
    0.025
    """
    return 0.5 * math.erfc(z / math.sqrt(2.0))
