"""Our solver inside other packages: importing `integrations.qpsolvers` or `integrations.cvxpy` registers it there."""
