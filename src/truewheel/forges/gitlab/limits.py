"""GitLab's limits. Each number stands here, with its source, and nowhere else in this folder.

Sources: "YAML reference" is docs.gitlab.com/ci/yaml, "instance limits" is
docs.gitlab.com/administration/instance_limits, "CI/CD limits" is
docs.gitlab.com/administration/cicd/limits. The others are files below lib/gitlab/ci/config/entry
of GitLab's own source, unless they have a path of their own. Where an instance may set another
number, this is its default.
"""

# A file and what it includes
YAML_BYTES = 2 * 1024 * 1024
"""Bytes of one file, measured as the objects that it is parsed to.

Instance limits, "Maximum size and depth of CI/CD configuration YAML files"; measured: 1,000 plain
jobs in 577 kB of text are too many, 500 pass.
"""
YAML_DEPTH = 100
"""Levels of nesting in one file. Instance limits, as for `YAML_BYTES`."""
INCLUDES = 150
"""Files that a pipeline may include. CI/CD limits, "Maximum number of includes"."""
EXTENDS_DEPTH = 11
"""Levels of `extends`. YAML reference, `extends`: up to eleven."""
SCRIPT_DEPTH = 10
"""Levels of nested lists in `script` and the like. commands.rb."""

# A pipeline
FREE_PLAN_JOBS = 500
"""Jobs of one pipeline on the hosted free plan.

docs.gitlab.com/user/gitlab_com, "CI/CD". Self-managed instances have no limit unless somebody sets
one.
"""
FILE_JOBS = 1000
"""Jobs that we write into one file: a choice of ours, which follows from `YAML_BYTES`.

With their hidden jobs they stay below half of it.
"""
DOWNSTREAM = 1000
"""Pipelines in the tree of one. CI/CD limits, "Maximum number of downstream pipelines"."""
CHILD_DEPTH = 2
"""Levels of child pipelines below the first. YAML reference, `trigger:include`."""
CHILD_FILES = 3
"""Files that one child pipeline is made of. YAML reference, `trigger:include`."""
INPUTS = 20
"""Inputs that a new pipeline may be given. docs.gitlab.com/ci/inputs."""
INPUT_OPTIONS = 50
"""Values that an input may offer. docs.gitlab.com/ci/inputs, `spec:inputs:options`."""
BLOCK_FUNCTIONS = 3
"""Functions in a block `$[[ … ]]`. docs.gitlab.com/ci/inputs, predefined functions."""
INPUT_DESCRIPTION = 1024
"""Characters of an input's description. app/assets/javascripts/editor/schema/ci.json."""
COMPONENT_DESCRIPTION = 256
"""Characters of a component's description. YAML reference, `spec:description`."""
WORKFLOW_NAME = 255
"""Characters of a pipeline's name. workflow.rb."""

# A job
NEEDS = 50
"""Jobs that a job may need, parallel ones counted. YAML reference, `needs`."""
NEEDS_OF_PIPELINES = 5
"""Jobs of other pipelines that a job may need. needs.rb."""
PARALLEL = 200
"""Jobs that `parallel` may make of one. YAML reference, `parallel`."""
JOB_NAME = 255
"""Characters of a job's name. YAML reference, "Job name limitations"."""
TAGS = 50
"""A job must have fewer tags than this. tags.rb: it refuses the fiftieth."""
CACHES = 4
"""Caches of a job. caches.rb."""
CACHE_KEY_FILES = 2
"""Files that a cache's key is made from. YAML reference, `cache:key:files`."""
FALLBACK_KEYS = 5
"""Further keys of a cache. YAML reference, `cache:fallback_keys`."""
PATHS = 50
"""Patterns of `rules:changes` or `rules:exists`. YAML reference, both."""
RETRIES = 2
"""How often a job may run again. YAML reference, `retry`."""
EXPOSED_NAME = 100
"""Characters of `artifacts:expose_as`. artifacts.rb."""
IMAGE_PLATFORM = 64
"""Characters of `image:docker:platform`. entry/schemas/imageable/executor_opts.json."""
IMAGE_USER = 255
"""Characters of `image:docker:user`. entry/schemas/imageable/executor_opts.json."""
KUBERNETES_NAMESPACE = 63
"""Characters of a namespace of a dashboard. entry/schemas/kubernetes/dashboard.json."""
FLUX_PATH = 255
"""Characters of a flux path of a dashboard. entry/schemas/kubernetes/dashboard.json."""
ENVIRONMENT_ADDRESS = 255
"""Characters of an environment's URL. environment.rb."""
LONGEST_TIMEOUT = 2_629_746
"""Seconds of `timeout`: a month as Ruby counts it. YAML reference, `timeout`: less than a month."""
LONGEST_DELAY = 7 * 24 * 3600
"""Seconds of `start_in`. YAML reference, `when: delayed`: a week."""

# Variables and expressions
VARIABLE_NAME = 255
"""Characters of a variable's name. docs.gitlab.com/api/project_level_variables."""
DOTENV_VARIABLES = 20
"""Variables of a dotenv report. CI/CD limits, "Limit dotenv variables"."""
DOTENV_BYTES = 5 * 1024
"""Bytes of a dotenv report. CI/CD limits, "Limit dotenv file size"."""
EXPRESSION_TOKENS = 100
"""A condition must have fewer words and signs. lib/gitlab/ci/pipeline/expression/lexer.rb."""
REGEX_REPEAT = 1000
"""The highest count in braces. RE2, which GitLab uses: re2/parse.cc, its maximum repeat."""
