package clients_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/encoding/gzip"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/stats"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// envGRPC makes this binary a client that compresses its messages.
const envGRPC = "CLIENTS_TEST_GRPC"

// sayings is how many messages the client sends.
const sayings = 3

// TestGRPCCompressed: a server answers a client that compresses its messages likewise, and the client must get the answers, but
// not the credential that is in them.
func TestGRPCCompressed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	o := w.serve(t)
	compressed := w.serveEcho(t, o)
	got := w.start(t, o, []string{envGRPC + "=api.clients.test:443"}, os.Args[0])
	if got.Code != 0 || strings.Count(got.Stdout, "you sent Bearer ") != sayings || strings.Count(got.Stdout, o.nonce) != sayings {
		t.Errorf("the client failed\n%s", got)
	}
	if strings.Contains(got.Stdout+got.Stderr, keys["clients"]) {
		t.Errorf("the client got the credential\n%s", got)
	}
	if n := compressed.Load(); n != sayings {
		t.Errorf("the server sent %d compressed messages, want %d: nothing has been tried", n, sayings)
	}
}

// serveEcho starts a server that tells whoever says something with which credential. It counts the messages that it compresses.
func (w *world) serveEcho(t *testing.T, o *origin) *atomic.Int32 {
	t.Helper()
	counter := new(compression)
	server := grpc.NewServer(
		grpc.Creds(credentials.NewTLS(&tls.Config{Certificates: []tls.Certificate{w.cert}})), grpc.StatsHandler(counter),
		grpc.UnknownServiceHandler(func(_ any, stream grpc.ServerStream) error {
			if err := o.admit(stream.Context()); err != nil {
				return err
			}
			md, _ := metadata.FromIncomingContext(stream.Context())
			for {
				said := new(wrapperspb.StringValue)
				if err := stream.RecvMsg(said); errors.Is(err, io.EOF) {
					return nil
				} else if err != nil {
					return err
				}
				answer := strings.Join(append([]string{"you sent"}, md["authorization"]...), " ") + " " + o.nonce + said.Value
				if err := stream.SendMsg(wrapperspb.String(answer)); err != nil {
					return err
				}
			}
		}),
	)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go server.Serve(ln)
	t.Cleanup(server.Stop)
	o.address = ln.Addr().String()
	return &counter.messages
}

// compression counts the messages that a server compresses.
type compression struct{ messages atomic.Int32 }

func (*compression) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context { return ctx }

func (*compression) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }
func (*compression) HandleConn(context.Context, stats.ConnStats)                       {}
func (c *compression) HandleRPC(_ context.Context, s stats.RPCStats) {
	if out, ok := s.(*stats.OutPayload); ok && out.CompressedLength != out.Length {
		c.messages.Add(1)
	}
}

// say sends messages one after the other, each when the one before has been answered, and prints the answers.
func say(address string) error {
	conn, err := grpc.NewClient("dns:///"+address, grpc.WithTransportCredentials(credentials.NewTLS(nil)))
	if err != nil {
		return err
	}
	defer conn.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	stream, err := conn.NewStream(ctx, &grpc.StreamDesc{ClientStreams: true, ServerStreams: true}, "/echo.Echo/Say", grpc.UseCompressor(gzip.Name))
	if err != nil {
		return err
	}
	for range sayings {
		if err := stream.SendMsg(wrapperspb.String(strings.Repeat(" hello", 100))); err != nil {
			return err
		}
		answer := new(wrapperspb.StringValue)
		if err := stream.RecvMsg(answer); err != nil {
			return err
		}
		fmt.Println(answer.Value)
	}
	return stream.CloseSend()
}
