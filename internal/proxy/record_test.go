package proxy

import (
	"context"
	"io"
	"net/http"
	"testing"
	"time"

	"authsome"
)

// slowRecorder takes its time for what was covered.
type slowRecorder struct {
	asked, goOn chan struct{}
}

// Record implements [authsome.Recorder].
func (r *slowRecorder) Record(e authsome.Event) error {
	if e.Name == authsome.EventRedact {
		close(r.asked)
		<-r.goOn
	}
	return nil
}

// A program that has got all of an answer may end before what was covered in it is on record. Close waits for that.
func TestCloseWaitsForWhatIsToBeRecorded(t *testing.T) {
	versions(t, func(t *testing.T, http2 bool) {
		w := guardedWorld(t, func(rw http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(rw, secret) })
		recorder := &slowRecorder{asked: make(chan struct{}), goOn: make(chan struct{})}
		w.cfg.Recorder = recorder
		w.start()
		transport := w.transport(http2)
		ctx, leave := context.WithCancel(t.Context())
		r := request(t, "GET", "https://"+apiHost+"/", nil).WithContext(ctx)
		left := make(chan struct{})
		go func() {
			defer close(left)
			if resp, err := transport.RoundTrip(r); err == nil {
				_, _ = io.ReadAll(resp.Body)
				_ = resp.Body.Close()
			}
		}()
		<-recorder.asked
		leave()
		<-left
		transport.CloseIdleConnections()
		closed := make(chan struct{})
		go func() {
			defer close(closed)
			_ = w.proxy.Close()
		}()
		select {
		case <-closed:
			t.Error("the proxy has closed before the event was recorded")
		case <-time.After(50 * time.Millisecond): // a proxy that waits never makes this fail
		}
		close(recorder.goOn)
		<-closed
	})
}
