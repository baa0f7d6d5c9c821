"""`python -m scripts.demo`: says what is missing if something is, and runs the demo otherwise."""

import sys


def _main() -> int:
    try:
        from scripts.demo.run import main  # noqa: PLC0415 - so that a missing package is named, not thrown
    except ModuleNotFoundError as exc:
        print(
            f"demo: the package {exc.name!r} is not installed for {sys.executable}. `make demo` installs it; by hand: "
            "pip install --require-hashes -r requirements-demo.txt",
            file=sys.stderr,
        )
        return 1
    return main()


if __name__ == "__main__":
    sys.exit(_main())
