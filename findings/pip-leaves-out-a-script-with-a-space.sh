#!/usr/bin/env bash
# pip 26.3 and uv 0.13.9: of an entry point with a space in its name, which the specification only advises against, pip
# writes no program and says nothing; uv writes it.
# Seen: "pip ends with 0 and writes: plain; uv ends with 0 and writes: my tool, plain"
# shellcheck source=findings/common.sh
. "$(dirname "$0")/common.sh"

environment "pip==${VERSION:-26.3}" uv==0.13.9
env/bin/python - <<'PYTHON'
import zipfile

info = "demo-1.0.dist-info"
members = {
    "demo.py": "def main():\n    print('demo')\n",
    f"{info}/METADATA": "Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n",
    f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: t\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    f"{info}/entry_points.txt": "[console_scripts]\nmy tool = demo:main\nplain = demo:main\n",
}
members[f"{info}/RECORD"] = "".join(f"{name},,\n" for name in [*members, f"{info}/RECORD"])
with zipfile.ZipFile("demo-1.0-py3-none-any.whl", "w") as archive:
    for name, content in members.items():
        archive.writestr(name, content)
PYTHON
for name in one two; do "${PYTHON:-python3}" -m venv "$name"; done
one=0 two=0
env/bin/python -m pip --python one/bin/python install --quiet --no-index ./demo-1.0-py3-none-any.whl >&2 || one=$?
env/bin/uv pip install --quiet --offline --python two/bin/python ./demo-1.0-py3-none-any.whl >&2 || two=$?
programs() {
  (cd "$1/bin" && find . \( -name 'my*' -o -name plain \) | sed 's,^\./,,' | sort | paste -sd, | sed 's/,/, /g')
}
conclude "pip ends with $one and writes: $(programs one); uv ends with $two and writes: $(programs two)" \
  "pip ends with 0 and writes: plain; uv ends with 0 and writes: my tool, plain"
