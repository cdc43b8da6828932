"""``python -m isobase.database.examples.index list`` and ``run NAME``."""

import importlib
import sys

EXAMPLES = {
    "mock_db_example": "made-up rows, and an operator without a database",
    "transaction_test_example": "a test that leaves nothing behind",
    "sync_example": "what a sync manager does, without touching a database",
    "performance_example": "statistics of statements",
    "db_operator_test_modes": "None, e2e and mock",
}


def main(arguments=None):
    """Runs the command; gives the status of the process."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if arguments == ["list"]:
        for name, what in EXAMPLES.items():
            print(f"{name}: {what}")
        return 0
    if len(arguments) == 2 and arguments[0] == "run":
        name = arguments[1].removesuffix(".py") if hasattr(str, "removesuffix") else arguments[1]
        if name not in EXAMPLES:
            print(f"Error: Example '{arguments[1]}' not found.")
            return 1
        importlib.import_module(f"isobase.database.examples.{name}").main()
        return 0
    print("usage: index list | index run NAME")
    return 1


if __name__ == "__main__":
    sys.exit(main())
