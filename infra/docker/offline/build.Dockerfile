# BUILD_IMAGE where no package index can be reached: the base, and every wheel that the locks name.
ARG BASE
FROM ${BASE}
COPY wheels /wheels
ENV PIP_NO_INDEX=1 PIP_FIND_LINKS=/wheels
