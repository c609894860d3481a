package clients_test

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	neturl "net/url"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/reflection"
	"google.golang.org/grpc/status"
)

// gRPC has to come through whole: both directions of a stream, the status in the trailers, and trailers of its own.
func TestGRPC(t *testing.T) {
	t.Parallel()
	program := need(t, "grpcurl", "testdata/bin/grpcurl-v1.9.3")
	w := newWorld(t)
	for _, test := range []struct {
		name string
		args []string
		code int
		want []string
	}{
		{
			"unary, trailers",
			[]string{"-v", "HOST", "grpc.health.v1.Health/Check"},
			0,
			[]string{`"status": "SERVING"`, "x-trailer: NONCE"},
		},
		{
			"a status other than OK",
			[]string{"-v", "-d", `{"service": "none"}`, "HOST", "grpc.health.v1.Health/Check"},
			64 + int(codes.NotFound),
			[]string{"Code: NotFound", "x-trailer: NONCE"},
		},
		{
			"a stream of the server",
			[]string{"-v", "-max-time", "60", "HOST", "grpc.health.v1.Health/Watch"},
			64 + int(codes.Aborted),
			[]string{`"status": "SERVING"`, `"status": "NOT_SERVING"`, "x-trailer: NONCE", "Code: Aborted"},
		},
		{"a stream in both directions", []string{"HOST", "list"}, 0, []string{"grpc.health.v1.Health"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			o := w.serveGRPC(t)
			command := []string{program}
			for _, arg := range test.args {
				command = append(command, strings.ReplaceAll(arg, "HOST", "api.clients.test:443"))
			}
			got := w.start(t, o, nil, command...)
			if got.Code != test.code {
				t.Errorf("not exit code %d\n%s", test.code, got)
			}
			for _, want := range test.want {
				if !strings.Contains(got.Stdout+got.Stderr, strings.ReplaceAll(want, "NONCE", o.nonce)) {
					t.Errorf("it does not print %q\n%s", want, got)
				}
			}
			if o.mu.Lock(); len(o.problems) > 0 {
				t.Errorf("the server got %q", o.problems)
			}
			o.mu.Unlock()
		})
	}
}

// serveGRPC starts a server of the health service, with reflection. Whoever watches is told of two states, and then cut off
// by the server with a status.
func (w *world) serveGRPC(t *testing.T) *origin {
	t.Helper()
	o := w.serve(t)
	server := grpc.NewServer(
		grpc.Creds(credentials.NewTLS(&tls.Config{Certificates: []tls.Certificate{w.cert}})),
		grpc.UnaryInterceptor(func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
			if err := o.admit(ctx); err != nil {
				return nil, err
			}
			_ = grpc.SetTrailer(ctx, metadata.Pairs("x-trailer", o.nonce))
			return next(ctx, req)
		}),
		grpc.StreamInterceptor(func(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, next grpc.StreamHandler) error {
			if err := o.admit(stream.Context()); err != nil {
				return err
			}
			stream.SetTrailer(metadata.Pairs("x-trailer", o.nonce))
			return next(srv, stream)
		}),
	)
	healthpb.RegisterHealthServer(server, watched{health.NewServer()})
	reflection.Register(server)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go server.Serve(ln)
	t.Cleanup(server.Stop)
	o.address = ln.Addr().String()
	return o
}

type watched struct{ *health.Server }

// Watch sends two states and ends.
func (watched) Watch(_ *healthpb.HealthCheckRequest, stream healthpb.Health_WatchServer) error {
	for _, state := range []healthpb.HealthCheckResponse_ServingStatus{
		healthpb.HealthCheckResponse_SERVING, healthpb.HealthCheckResponse_NOT_SERVING,
	} {
		if err := stream.Send(&healthpb.HealthCheckResponse{Status: state}); err != nil {
			return err
		}
	}
	return status.Error(codes.Aborted, "that is all")
}

// admit lets a call in that has the key.
func (o *origin) admit(ctx context.Context) error {
	md, _ := metadata.FromIncomingContext(ctx)
	problem := o.check(&http.Request{
		Method: http.MethodPost, Host: "api.clients.test", URL: &neturl.URL{Path: "/"},
		Header: http.Header{"Authorization": md.Get("authorization")},
	})
	if problem == "" {
		return nil
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.problems = append(o.problems, problem)
	return status.Error(codes.Unauthenticated, problem)
}
