"""Which variables may be sent to a pipeline."""

from __future__ import annotations

import pytest
from specs import policy_of, spec_of

from truewheel.forges import trigger_variables

SPEC = spec_of("""\
packages: {foo: {}}
targets: {rhel8: {}}
variables:
  OWN: {description: ours}
  TOKEN: {scope: secret}
  CUDA_VERSION: {scope: image}
  CI_PIPELINE_ID: {scope: forge}
""")
POLICY = policy_of(
    "channels: {default: {version: '{base}'}}\nfacts: {base: {from: [package:version]}}\n"
)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("TOKEN", "is a secret"),
        ("CUDA_VERSION", "is provided by the container"),
        ("CI_PIPELINE_ID", "is set by the forge itself"),
        ("CI_COMMIT_SHA", "is set by the forge itself"),
        ("GITHUB_RUN_ID", "is set by the forge itself"),
    ],
)
def test_a_refusal_names_the_variable_and_not_its_value(name: str, message: str):
    (problem,) = trigger_variables.problems(SPEC, POLICY, {"OWN": "1", name: "a-value"})
    assert str(problem).startswith(f"-v {name}: {message}")
    assert "a-value" not in str(problem)


def test_variables_that_people_set_may_be_sent():
    assert list(trigger_variables.problems(SPEC, POLICY, {"OWN": "$(reboot)"})) == []
