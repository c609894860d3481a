package agent

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"
)

// A message is two bytes with the length of the rest, most significant first, and the rest. The first byte of that is the
// version. In a request follow the operation, and an id and a key with their lengths in a byte before each; in an
// answer the code, and a value with its length. There is nothing behind, and what an operation does not need has
// length zero.
//
// Whatever the version, an agent that is told to lock does so, and says codeVersion like this.
const (
	protocolVersion = 1

	maxID  = 128
	maxKey = 64
	// maxMessage is the longest message without its length.
	maxMessage = 2 + 1 + maxID + 1 + maxKey
	headerSize = 2
)

// operation is what a client wants.
type operation byte

const (
	opGet    operation = 1 + iota // the key of an id
	opPut                         // keep a key under an id
	opLock                        // forget all keys
	opStatus                      // how things stand
	opKeep                        // forget all keys but that of an id
)

// code is what became of a request.
type code byte

const (
	codeOK      code = 1 + iota
	codeMissing      // there is no such key
	codeRefused      // the person has not agreed
	codeAsking       // a person is being asked; another answer follows
	codeFull         // no room for another key, or another key has the name
	codeVersion      // the agent speaks another version, which the value names
)

// errMalformed: what was sent is no message of this protocol.
var errMalformed = errors.New("malformed message")

// errVersion: what was sent is of another version of it.
var errVersion = errors.New("another version of the protocol")

// request is what a client sends. The key lies in the buffer that the request was parsed from.
type request struct {
	op  operation
	id  string
	key []byte
}

// isLock reports whether a message of any version tells to lock.
func isLock(b []byte) bool { return len(b) > 1 && operation(b[1]) == opLock }

// parseRequest reads a request without its length.
func parseRequest(b []byte) (request, error) {
	if len(b) < 1 {
		return request{}, errMalformed
	}
	if b[0] != protocolVersion {
		return request{}, errVersion
	}
	if len(b) < 2 {
		return request{}, errMalformed
	}
	id, rest, ok := field(b[2:], maxID)
	if !ok {
		return request{}, errMalformed
	}
	key, rest, ok := field(rest, maxKey)
	if !ok || len(rest) > 0 {
		return request{}, errMalformed
	}
	r := request{op: operation(b[1]), id: string(id), key: key}
	var wantID, wantKey bool
	switch r.op {
	case opGet, opKeep:
		wantID = true
	case opPut:
		wantID, wantKey = true, true
	case opLock, opStatus:
	default:
		return request{}, errMalformed
	}
	if (len(id) > 0) != wantID || (len(key) > 0) != wantKey {
		return request{}, errMalformed
	}
	return r, nil
}

// field takes a value with its length in front.
func field(b []byte, limit int) (value, rest []byte, ok bool) {
	if len(b) == 0 || int(b[0]) > limit || len(b)-1 < int(b[0]) {
		return nil, nil, false
	}
	n := int(b[0]) + 1
	return b[1:n:n], b[n:], true
}

// appendRequest writes a request with its length.
func appendRequest(to []byte, r request) ([]byte, error) {
	if len(r.id) > maxID || len(r.key) > maxKey {
		return to, fmt.Errorf("%w: an id of %d bytes, a key of %d", errMalformed, len(r.id), len(r.key))
	}
	to = binary.BigEndian.AppendUint16(to, uint16(2+1+len(r.id)+1+len(r.key)))
	to = append(to, protocolVersion, byte(r.op), byte(len(r.id)))
	to = append(to, r.id...)
	to = append(to, byte(len(r.key)))
	return append(to, r.key...), nil
}

// answer is what the agent sends. The value lies in the buffer that the answer was parsed from.
type answer struct {
	code  code
	value []byte
}

// parseAnswer reads an answer without its length.
func parseAnswer(b []byte) (answer, error) {
	if len(b) < 2 || code(b[1]) < codeOK || code(b[1]) > codeVersion {
		return answer{}, errMalformed
	}
	if b[0] != protocolVersion && code(b[1]) != codeVersion {
		return answer{}, errMalformed
	}
	value, rest, ok := field(b[2:], maxKey)
	if !ok || len(rest) > 0 {
		return answer{}, errMalformed
	}
	return answer{code: code(b[1]), value: value}, nil
}

// appendAnswer writes an answer with its length.
func appendAnswer(to []byte, a answer) []byte {
	to = binary.BigEndian.AppendUint16(to, uint16(2+1+len(a.value)))
	to = append(to, protocolVersion, byte(a.code), byte(len(a.value)))
	return append(to, a.value...)
}

// readMessage reads a message into buf, which has room for maxMessage, and returns it without its length.
func readMessage(r io.Reader, buf []byte) ([]byte, error) {
	var header [headerSize]byte
	if _, err := io.ReadFull(r, header[:]); err != nil {
		return nil, err
	}
	n := int(binary.BigEndian.Uint16(header[:]))
	if n == 0 || n > maxMessage {
		return nil, errMalformed
	}
	if _, err := io.ReadFull(r, buf[:n]); err != nil {
		return nil, err
	}
	return buf[:n], nil
}

// Status says how things stand with an agent.
type Status struct {
	PID     int
	Keys    int           // that it holds
	Confirm bool          // whether a person agrees to each use
	Timeout time.Duration // how long a key stays that nobody uses
	Left    time.Duration // how long the keys stay if nobody uses them; 0 without keys
}

const statusSize = 4 + 1 + 1 + 4 + 4

// encode is the value of an answer.
func (s Status) encode() []byte {
	b := binary.BigEndian.AppendUint32(nil, uint32(s.PID))
	b = append(b, byte(s.Keys), 0)
	if s.Confirm {
		b[5] = 1
	}
	b = binary.BigEndian.AppendUint32(b, seconds(s.Timeout))
	return binary.BigEndian.AppendUint32(b, seconds(s.Left))
}

// seconds rounds up, so that what is left for a moment is not called over.
func seconds(d time.Duration) uint32 {
	return uint32(min(max((d+time.Second-1)/time.Second, 0), 1<<32-1))
}

func parseStatus(b []byte) (Status, error) {
	if len(b) != statusSize || b[5] > 1 {
		return Status{}, errMalformed
	}
	return Status{
		PID:     int(binary.BigEndian.Uint32(b)),
		Keys:    int(b[4]),
		Confirm: b[5] == 1,
		Timeout: time.Duration(binary.BigEndian.Uint32(b[6:])) * time.Second,
		Left:    time.Duration(binary.BigEndian.Uint32(b[10:])) * time.Second,
	}, nil
}
