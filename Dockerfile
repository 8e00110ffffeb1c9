# Builds from this repository alone: docker build -t signalbox .
FROM golang:1.26-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
# Without VERSION the version is that of the checkout.
ARG VERSION=
RUN version="${VERSION:-$(git describe --tags --always 2>/dev/null || echo development)}" \
 && CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags "-s -w -X main.version=${version}" \
      -o /out/signalbox ./bootstrap/cmd/signalbox \
 && mkdir /out/data

FROM gcr.io/distroless/static-debian12:nonroot
COPY --from=build /out/signalbox /usr/local/bin/signalbox
COPY --from=build --chown=65532:65532 /out/data /data
USER 65532:65532
WORKDIR /data
VOLUME /data
ENV DATABASE_URL=sqlite:///data/signalbox.db
EXPOSE 8082
HEALTHCHECK --interval=10s --timeout=4s --start-period=5s CMD ["signalbox", "healthcheck"]
ENTRYPOINT ["signalbox"]
CMD ["serve"]
