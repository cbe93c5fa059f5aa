"""The command ``rerun``."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..cases import write_results
from ..cases.rerun import find_input, read_recipe, rerun, same_result
from ..io import case_name, staged_folder


def run(options: argparse.Namespace) -> int:
    """Compute a result again and compare it.

    Returns:
        0 if the label map is the same, 1 if not.

    Raises:
        CAMLocalizerError: a report, volume or model that cannot be used, or a folder that cannot be written.
    """
    recipe = read_recipe(options.report)
    path, volume = find_input(recipe, options.input or Path.cwd(), series=options.series)
    result = rerun(recipe, path, volume, model=options.model, device=options.device)
    if options.output is not None:
        target = options.output / case_name(path)
        with staged_folder(target) as staging:
            write_results(result, staging)
        print(f"written to {target}")
    same = same_result(recipe, result)
    print(
        f"{path.name}: {'the same label map' if same else 'ANOTHER label map'}, {result.label_map.volume_mm3:.1f} mm3"
    )
    for note in result.localization.notes:
        print(f"  note: {note}")
    return int(not same)
