"""A wheel as bytes: its file name, its members, its native code, and the checks on them."""
