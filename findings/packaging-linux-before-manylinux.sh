#!/usr/bin/env bash
# packaging 26.3: the plain linux tag comes before every manylinux tag of the same machine.
# Seen: "linux first"
# shellcheck source=findings/common.sh
. "$(dirname "$0")/common.sh"

getconf GNU_LIBC_VERSION >/dev/null || { echo "this is not glibc" >&2; exit 2; }
environment "packaging==${VERSION:-26.3}"
seen=$(env/bin/python - <<'PYTHON'
from packaging.tags import platform_tags

families = [tag.partition("_")[0].rstrip("0123456789") for tag in platform_tags()]
print(f"{families[0]} first" if "manylinux" in families else "no manylinux tag")
PYTHON
)
conclude "$seen" "linux first"
