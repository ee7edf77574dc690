# syntax=docker/dockerfile:1

FROM python:3.12.11-slim-bookworm AS builder
WORKDIR /build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1

# Every locked wheel is fetched and its hash checked here; the offline install below then takes only
# what the package needs at run time, in exactly these versions.
COPY requirements.lock ./
RUN pip wheel --require-hashes --requirement requirements.lock --wheel-dir /wheels

COPY pyproject.toml README.md LICENSE NOTICE ./
COPY stream_monitor ./stream_monitor
RUN pip wheel --no-deps --wheel-dir /wheels . \
    && python -m venv /opt/stream-monitor \
    && /opt/stream-monitor/bin/pip install --no-index --find-links /wheels stream-monitor


FROM python:3.12.11-slim-bookworm
RUN useradd --system --uid 10001 --user-group --no-create-home --shell /usr/sbin/nologin monitor \
    && install --directory --owner monitor --group monitor \
        /var/lib/stream-monitor /var/cache/stream-monitor
COPY --from=builder /opt/stream-monitor /opt/stream-monitor

# The root file system is read-only in service: compiled code and the pending store have their own mounts.
ENV PATH=/opt/stream-monitor/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    NUMBA_CACHE_DIR=/var/cache/stream-monitor
USER 10001:10001
VOLUME ["/var/lib/stream-monitor", "/var/cache/stream-monitor"]
EXPOSE 9108
ENTRYPOINT ["stream-monitor"]
