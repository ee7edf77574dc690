"""How well drift is detected: false alarms and power, against oracles and competitors."""
