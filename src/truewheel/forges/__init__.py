"""The forges: starting pipelines, following them, and telling people what came of them."""

from __future__ import annotations

from truewheel.forges import github, gitlab
from truewheel.forges.kind import ForgeKind

FORGES: dict[str, ForgeKind] = {"gitlab": gitlab.KIND, "github": github.KIND}
"""By the name that the spec and --forge have for it; the first one is meant where none is named."""
