"""Output for people and programs: findings, notes on merge requests, the page of a plan."""
