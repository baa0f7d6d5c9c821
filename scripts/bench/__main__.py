"""`python -m scripts.bench`: says what is missing if something is, and runs the benchmark otherwise."""

import sys


def _main() -> int:
    try:
        from scripts.bench.run import main  # noqa: PLC0415 - so that a missing package is named, not thrown
    except ModuleNotFoundError as exc:
        print(
            f"bench: the package {exc.name!r} is not installed for {sys.executable}. `make bench` installs it; by "
            "hand: pip install --require-hashes -r requirements-bench.txt",
            file=sys.stderr,
        )
        return 1
    return main()


if __name__ == "__main__":
    sys.exit(_main())
