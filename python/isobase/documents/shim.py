"""``python -m isobase.documents.shim DIR`` writes a package ``services/database_service`` into a folder, and
``config`` unless there is one, whose modules are those of this package."""

import pathlib
import sys

_FILES = {
    "services/database_service/__init__.py": "from isobase.documents import *  # noqa: F403\n",
    "services/database_service/base.py": "from isobase.documents import DatabaseService  # noqa: F401\n",
}
_CONFIG = "config/__init__.py"


def write(folder):
    """Writes the package; gives the files."""
    root = pathlib.Path(folder)
    files = dict(_FILES)
    if not (root / "services" / "__init__.py").exists():
        files["services/__init__.py"] = ""
    if not (root / "config").exists() and not (root / "config.py").exists():
        files[_CONFIG] = "from isobase.documents import Settings  # noqa: F401\n"
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return sorted(root / name for name in files)


def main(arguments=None):
    """Runs the command; gives the status of the process."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if len(arguments) != 1:
        print("usage: python -m isobase.documents.shim DIR", file=sys.stderr)
        return 2
    for path in write(arguments[0]):
        print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
