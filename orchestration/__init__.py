"""How the assets run: definitions, jobs, schedules, sensors, checks, versions and the command line."""
