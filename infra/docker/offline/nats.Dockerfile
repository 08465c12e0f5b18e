# nats-server from the package that `airlock up` uses, with the wget that the health check asks by.
ARG BASE
FROM ${BASE}
COPY nats-server /usr/local/bin/nats-server
RUN chmod 0755 /usr/local/bin/nats-server && ln -sf "$(command -v busybox)" /usr/local/bin/wget
