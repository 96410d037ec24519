"""`python -m millwright_serving`: serve the package that the environment names."""

import sys

from millwright_serving.server import main

if __name__ == "__main__":
    sys.exit(main())
