package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"
)

// everyEvent is how often the origin sends an event.
const everyEvent = 2 * time.Millisecond

// serveEvents sends events that say when they were sent, until n are sent or the client has gone.
func serveEvents(w http.ResponseWriter, n int64) {
	w.Header().Set("Content-Type", "text/event-stream")
	rc := http.NewResponseController(w)
	for range n {
		_, err := fmt.Fprintf(w, "data: %d\n\n", time.Now().UnixNano())
		if err != nil || rc.Flush() != nil {
			return
		}
		time.Sleep(everyEvent)
	}
}

// eventDelay returns the median number of microseconds that events take to arrive. It is the work of a row, although it
// is not a rate.
func eventDelay(f *field, t target) (float64, error) {
	session, err := t.session()
	if err != nil {
		return 0, err
	}
	conn, br, err := t.open(session)
	if err != nil {
		return 0, err
	}
	defer conn.Close() //nolint:errcheck // nothing was written that matters
	n := max(int(3*f.slice/everyEvent), 5)
	_, err = fmt.Fprintf(conn, "GET /events?n=%d HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", n, t.host)
	if err != nil {
		return 0, err
	}
	resp, err := http.ReadResponse(br, nil)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	var delays []float64
	part := make([]byte, 4<<10)
	for len(delays) < n {
		got, err := resp.Body.Read(part)
		now := time.Now()
		if sent, ok := lastEvent(part[:got]); ok {
			delays = append(delays, float64(now.Sub(sent).Nanoseconds())/1e3)
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return 0, err
		}
	}
	return medianOf(delays), nil
}

// lastEvent returns when the last event in a part of the stream was sent.
func lastEvent(part []byte) (sent time.Time, ok bool) {
	i := bytes.LastIndex(part, []byte("data: "))
	if i < 0 {
		return sent, false
	}
	digits, _, _ := bytes.Cut(part[i+len("data: "):], []byte("\n"))
	ns, err := strconv.ParseInt(string(digits), 10, 64)
	return time.Unix(0, ns), err == nil
}
