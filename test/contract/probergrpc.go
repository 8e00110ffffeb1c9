package contract

import (
	"context"
	"net"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"github.com/signalbox-hq/signalbox/domain/registry/health"
)

// serving is a health service that knows the server and one service, and pads
// its answers.
type serving struct {
	grpc_health_v1.UnimplementedHealthServer

	status  grpc_health_v1.HealthCheckResponse_ServingStatus
	padding int
}

const knownService = "shop.v1.Orders"

func (s serving) Check(
	_ context.Context, r *grpc_health_v1.HealthCheckRequest,
) (*grpc_health_v1.HealthCheckResponse, error) {
	if r.GetService() != "" && r.GetService() != knownService {
		return nil, status.Error(codes.NotFound, "no such service")
	}
	answer := &grpc_health_v1.HealthCheckResponse{Status: s.status}
	for range s.padding / 2 {
		// Field 2 as a varint of 0: as a later version of the message could have.
		answer.ProtoReflect().SetUnknown(append(answer.ProtoReflect().GetUnknown(), 0x10, 0x00))
	}
	return answer, nil
}

// serve returns the address of a gRPC server; without s it has no health service.
func serve(t *testing.T, s *serving) string {
	t.Helper()
	listener, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	require.NoError(t, err)
	server := grpc.NewServer()
	if s != nil {
		grpc_health_v1.RegisterHealthServer(server, *s)
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	t.Cleanup(func() {
		server.Stop()
		assert.NoError(t, <-ended)
	})
	return listener.Addr().String()
}

func probeServing(t *testing.T, p health.Prober) {
	address := serve(t, &serving{status: grpc_health_v1.HealthCheckResponse_SERVING})
	result := probes(t, p, 0, asking(address, ""))
	assert.Zero(t, result.Code)
	assert.Positive(t, result.Latency)
	probes(t, p, 0, asking(address, knownService))
}

func probeNotServing(t *testing.T, p health.Prober) {
	probes(t, p, health.WrongStatus, asking(serve(t, &serving{status: grpc_health_v1.HealthCheckResponse_NOT_SERVING}), ""))
	probes(t, p, health.WrongStatus, asking(serve(t, &serving{status: grpc_health_v1.HealthCheckResponse_UNKNOWN}), ""))
	address := serve(t, &serving{status: grpc_health_v1.HealthCheckResponse_SERVING})
	probes(t, p, health.WrongStatus, asking(address, "shop.v1.Unknown"))
}

func probeUnimplemented(t *testing.T, p health.Prober) {
	probes(t, p, health.WrongStatus, asking(serve(t, nil), ""))
}

func probeLargeMessage(t *testing.T, p health.Prober) {
	little := serve(t, &serving{status: grpc_health_v1.HealthCheckResponse_SERVING, padding: bodyRead / 2})
	probes(t, p, 0, asking(little, ""))
	large := serve(t, &serving{status: grpc_health_v1.HealthCheckResponse_SERVING, padding: bodyRead})
	assert.NotZero(t, p.Probe(t.Context(), asking(large, "")).Failed)
}
