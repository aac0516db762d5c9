"""From a stranger's repository to a proposed spec."""
