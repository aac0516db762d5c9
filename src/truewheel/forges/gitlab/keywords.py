"""The names of GitLab's keywords (CI/CD YAML reference); what each may hold is in `lint.keywords`.

Names alone: `generate` needs them for added jobs, and the checks take much longer to import. A
test keeps both the same.
"""

JOB = frozenset(
    [
        "after_script",
        "allow_failure",
        "artifacts",
        "before_script",
        "cache",
        "coverage",
        "dast_configuration",
        "dependencies",
        "environment",
        "except",
        "extends",
        "hooks",
        "id_tokens",
        "identity",
        "image",
        "inherit",
        "inputs",
        "interruptible",
        "manual_confirmation",
        "needs",
        "only",
        "pages",
        "parallel",
        "publish",
        "release",
        "resource_group",
        "retry",
        "rules",
        "run",
        "script",
        "secrets",
        "services",
        "stage",
        "start_in",
        "tags",
        "timeout",
        "trigger",
        "variables",
        "when",
    ]
)
"""Of a job, or of one that starts another pipeline."""
TOP_LEVEL = frozenset(
    [
        "after_script",
        "before_script",
        "cache",
        "default",
        "image",
        "include",
        "services",
        "spec",
        "stages",
        "types",
        "variables",
        "workflow",
    ]
)
"""Of a whole file; `types` is the former name of `stages`."""
