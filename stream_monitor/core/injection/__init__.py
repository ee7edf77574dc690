"""Named drifts put into columns on purpose: pure functions from columns and a seed to columns."""
