# SPDX-License-Identifier: Apache-2.0
"""Check the installed treefrontend: its library counts."""

import sys

from treefrontend import depth

if [depth(path) for path in ("", "/", "/v2/models/sum")] != [0, 1, 3]:
    sys.exit("depths are wrong")
print("treefrontend: depths are right")
