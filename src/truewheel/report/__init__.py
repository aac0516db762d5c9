"""What people and programs are shown: findings, notes, the page of a plan."""
