"""`python -m portfolio_service`."""

import sys

if __name__ == "__main__":
    try:
        from portfolio_service.server import main
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("portfolio_"):
            raise
        sys.exit(f"error: no {error.name} here; the service is an extra: pip install 'portfolio-engine[service]'")
    sys.exit(main())
