# The service on port 8900 with the documented base, user, environment and health check; linux/amd64 and linux/arm64.
# docker build -t portfolio-engine . && docker run -p 127.0.0.1:8900:8900 portfolio-engine

FROM python:3.13-slim-bookworm AS builder
# Debian keeps only the newest version of a package: a pinned one would be gone with the next security update.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends g++ \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY deploy/image/build-requirements.txt deploy/image/
RUN python -m venv /opt/build \
    && /opt/build/bin/pip install --no-cache-dir --require-hashes -r deploy/image/build-requirements.txt
ENV PATH=/opt/build/bin:$PATH UV_NO_CACHE=1
# The locked packages first: they change less often than our code.
COPY pyproject.toml uv.lock ./
RUN uv export -q --frozen --no-emit-project --no-default-groups --extra service --extra cli -o requirements.txt \
    && uv venv -q --python /usr/local/bin/python /opt/portfolio \
    && uv pip install -q --python /opt/portfolio/bin/python --require-hashes --compile-bytecode -r requirements.txt
COPY CMakeLists.txt LICENSE README.md ./
COPY cmake cmake
COPY cpp cpp
COPY metal metal
COPY python python
COPY service service
RUN pip wheel --no-cache-dir --no-build-isolation --no-deps -w dist . \
    && uv pip install -q --python /opt/portfolio/bin/python --no-deps --compile-bytecode dist/*.whl

FROM python:3.13-slim-bookworm
ARG VERSION=0.1.0
LABEL org.opencontainers.image.title="Portfolio Engine" \
      org.opencontainers.image.description="Portfolio optimisation, books and analytics on port 8900" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.licenses="Apache-2.0"
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends curl \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --gid 10001 portfolio \
    && useradd --uid 10001 --gid portfolio --no-create-home --home-dir /data --shell /usr/sbin/nologin portfolio \
    && install -d -o portfolio -g portfolio -m 0750 /data
COPY --from=builder /opt/portfolio /opt/portfolio

# The contract's environment. What a container cannot have (Metal, Neural Engine) is reported in the log and in /health.
ENV OPENBLAS_NUM_THREADS=4 \
    OMP_NUM_THREADS=4 \
    HARDWARE_PLATFORM=m4_max \
    ENABLE_METAL_ACCELERATION=true \
    ENABLE_NEURAL_ENGINE=true \
    PORTFOLIO_OPTIMIZATION_WORKERS=4 \
    OPTIMIZATION_BATCH_SIZE=500 \
    OPTIMIZATION_TIMEOUT=300 \
    MAX_PORTFOLIOS=1000 \
    REBALANCE_CHECK_INTERVAL=3600 \
    RISK_FREE_RATE=0.02 \
    OPTIMIZATION_CACHE_TTL=1800 \
    PORTFOLIO_MAX_MEMORY=8g \
    PORTFOLIO_MAX_CPU=4.0
# Everything it writes is under /data and /tmp: the root file system may be read-only.
# Inside the container it listens to all; whoever publishes the port decides who may come. The log warns of it.
ENV PATH=/opt/portfolio/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    MPLCONFIGDIR=/tmp/matplotlib \
    HOST=0.0.0.0 \
    PORT=8900 \
    DATA_DIR=/data \
    LOG_FORMAT=json \
    ALLOW_UNAUTHENTICATED=1

WORKDIR /data
VOLUME /data
# The documented user, by its name; its number is 10001.
# hadolint ignore=DL3066
USER portfolio
EXPOSE 8900
HEALTHCHECK --interval=30s --timeout=10s --start-period=30s --retries=3 \
    CMD ["curl", "-f", "http://localhost:8900/health"]
ENTRYPOINT ["portfolio-engine"]
CMD ["serve"]
