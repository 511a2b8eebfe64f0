"""`python -m portfolio_service`."""

import sys

from portfolio_service.server import main

if __name__ == "__main__":
    sys.exit(main())
