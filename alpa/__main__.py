"""`python -m alpa` is the command `alpa`."""

from alpa.cli import main

if __name__ == "__main__":
    main()
