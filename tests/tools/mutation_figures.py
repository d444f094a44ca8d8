"""Print what the last `mutmut run` found: a line for each file, then the mutants that survived."""

from __future__ import annotations

import json
from pathlib import Path

KILLED_BY_TEST, SURVIVED = 1, 0


def main() -> None:
    survivors: list[str] = []
    print(f"{'file':36} {'mutants':>8} {'killed':>8} {'survived':>9} {'other':>6} {'killed %':>9}")
    mutants = Path("mutants")
    for path in sorted((mutants / "nimprofile").rglob("*.meta")):
        results = json.loads(path.read_text("utf-8"))["exit_code_by_key"]
        killed = sum(code == KILLED_BY_TEST for code in results.values())
        lived = [name for name, code in results.items() if code == SURVIVED]
        other = len(results) - killed - len(lived)
        survivors += lived
        print(
            f"{path.relative_to(mutants).with_suffix('')!s:36} {len(results):8} {killed:8} {len(lived):9} {other:6} "
            f"{100 * killed / len(results):9.1f}"
        )
    print("\nsurvivors (python -m mutmut show NAME prints one):")
    print("\n".join(f"  {name}" for name in survivors))


if __name__ == "__main__":
    main()
