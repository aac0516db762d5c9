# Read by the scripts beside it: a temporary folder to work in, an environment with packages, a comparison.
# shellcheck shell=bash
set -euo pipefail

# What fails before anything was seen is no change of a fact.
trap 'exit 2' ERR
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
export PIP_DISABLE_PIP_VERSION_CHECK=1

need() {
  command -v "$1" >/dev/null || { echo "$1 is not installed" >&2; exit 2; }
}

# Make the environment env with the given packages.
environment() {
  "${PYTHON:-python3}" -m venv env
  env/bin/python -m pip install --quiet "$@" >&2
}

# Compare what was seen with what was expected, and end.
conclude() {
  trap - ERR
  if [ "$1" = "$2" ]; then
    echo "as recorded: $1"
    exit 0
  fi
  printf 'expected: %s\nseen:     %s\n' "$2" "$1"
  exit 1
}

# Pack a wheel demo 1.0 of this machine with one native file: MEMBER FILE.
pack_native_wheel() {
  env/bin/python - "$1" "$2" <<'PYTHON'
import platform, sys, zipfile

member, file = sys.argv[1:]
tag = f"py3-none-linux_{platform.machine()}"
info = "demo-1.0.dist-info"
members = {
    f"{info}/METADATA": "Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n",
    f"{info}/WHEEL": f"Wheel-Version: 1.0\nGenerator: t\nRoot-Is-Purelib: false\nTag: {tag}\n",
    member: open(file, "rb").read(),
}
members[f"{info}/RECORD"] = "".join(f"{name},,\n" for name in [*members, f"{info}/RECORD"])
with zipfile.ZipFile(f"demo-1.0-{tag}.whl", "w") as archive:
    for name, content in members.items():
        archive.writestr(name, content)
PYTHON
}
