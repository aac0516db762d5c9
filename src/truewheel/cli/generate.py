"""truewheel generate: write the pipeline files."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Mapping

from truewheel.cli.commands import program_name
from truewheel.cli.pipeline_files import add_file_arguments, drift_data, find_drift, generate_chosen
from truewheel.cli.terminal import print_json, say, show
from truewheel.errors import Exit
from truewheel.forges import pipelines
from truewheel.forges.pipelines import Generated
from truewheel.workspace import generated_files, renewed_pins
from truewheel.workspace.loading import Workspace

EXAMPLES = """\
examples:
  generate            after every change of the spec
  generate --dry-run  what would change
  generate --forge github
"""


def add_arguments(parser: ArgumentParser) -> None:
    """Declare the arguments of generate."""
    add_file_arguments(parser)
    parser.add_argument(
        "--dry-run", action="store_true", help="write nothing, say what would change"
    )


def run(arguments: Namespace, environment: Mapping[str, str]) -> Exit:
    """Write the pipeline files that differ from the plan."""
    del environment  # generated files depend on the spec alone
    space, files = generate_chosen(arguments)
    drift = find_drift(arguments, space, files)
    if drift or space.spec.has_included_files:
        pipelines.refuse(files, space.spec, space.root)
    if drift:
        _warn_of_lost_pins(space, files)
    if arguments.dry_run:
        generated_files.refuse_foreign(space.root, drift)
    else:
        generated_files.write(space.root, files.texts, drift)
    if arguments.json:
        layout = "; ".join(files.notes.values())
        print_json({"files": drift_data(drift), "layout": layout})
        return Exit.OK
    for name, note in files.notes.items():
        show(f"{note} (to choose another layout, set {name}.layout)")
    write, remove = ("would write", "would remove") if arguments.dry_run else ("wrote", "removed")
    for entry in drift:
        show(f"{remove if entry.state == 'orphaned' else write} {entry.path}")
    changed = sum(entry.state != "orphaned" for entry in drift)
    show(f"{len(files.texts)} files, {len(files.texts) - changed} of them unchanged")
    return Exit.OK


def _warn_of_lost_pins(space: Workspace, files: Generated) -> None:
    """Say which pins of the files are replaced by those of the lock."""
    _, pins = renewed_pins.read(space.lock, files.texts, space.read)
    for pin in pins:
        say(f"warning: {pin.path}: {pin.name} {pin.theirs} is replaced by {pin.ours}")
    if pins:
        name = program_name()
        say(f"hint: to keep them: {name} lock --from-files, then {name} generate")
