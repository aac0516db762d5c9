"""One room a forge: each translates a plan into documents and decides nothing."""
