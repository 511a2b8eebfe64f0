"""`python -m portfolio_service`."""

import gc
import sys

if __name__ == "__main__":
    gc.disable()  # until it serves: a start makes no garbage, and a collection walks all that was loaded so far
    try:
        from portfolio_service.server import main
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("portfolio_"):
            raise
        sys.exit(f"error: no {error.name} here; the service is an extra: pip install 'portfolio-engine[service]'")
    sys.exit(main())
