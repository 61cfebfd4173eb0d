"""Coverage and diversity: ways of choosing rows that differ from each other, and measures of what a choice covers."""
