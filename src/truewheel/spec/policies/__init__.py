"""Built-in naming policies, as data."""
