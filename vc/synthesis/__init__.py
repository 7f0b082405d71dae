"""From mel and pitch to sound."""
