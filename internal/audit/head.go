package audit

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"time"

	"authsome/internal/leanjson"
)

// Head says how far a log has got: a statement that can be kept elsewhere and later held against the log. It is signed
// (ECDSA on P-256 with SHA-256), so that whoever cuts the end off a log cannot make one that fits.
type Head struct {
	Seq       uint64    `json:"seq"`   // number of the last entry
	Chain     string    `json:"chain"` // its value in the chain
	Time      time.Time `json:"time"`  // when it was signed, UTC
	PublicKey string    `json:"public_key,omitempty"`
	Signature string    `json:"signature,omitempty"`
}

// errNoSignature is the fault of a head that was written while the key could not be had.
var errNoSignature = errors.New("it is not signed")

func (k chainKeys) sign(l link, now time.Time) Head {
	h := Head{Seq: l.seq, Chain: l.chain, Time: now.UTC()}
	if !k.has() {
		return h
	}
	sum := sha256.Sum256(h.statement())
	public, err := k.head.PublicKey.Bytes()
	if err != nil {
		return h
	}
	// Without a source of randomness the nonce follows from the key and from what is signed (RFC 6979).
	signature, err := k.head.Sign(nil, sum[:], crypto.SHA256)
	if err != nil { // it would count as not signed
		return h
	}
	h.PublicKey = base64.RawURLEncoding.EncodeToString(public)
	h.Signature = base64.RawURLEncoding.EncodeToString(signature)
	return h
}

// statement is what is signed.
func (h Head) statement() []byte {
	return fmt.Appendf(nil, "authsome audit head\n%d\n%s\n%s", h.Seq, h.Chain, h.Time.UTC().Format(time.RFC3339Nano))
}

// check verifies the signature, by the log's own key.
func (k chainKeys) check(h Head) error {
	if h.Signature == "" {
		return errNoSignature
	}
	signature, err := base64.RawURLEncoding.DecodeString(h.Signature)
	sum := sha256.Sum256(h.statement())
	if err != nil || !ecdsa.VerifyASN1(&k.head.PublicKey, sum[:], signature) {
		return errors.New("its signature does not fit")
	}
	return nil
}

// headSize is what a head is padded to, so that a new one is written over the old one in one piece.
const headSize = 512

// readHead returns the head of a log; the zero value where there is none.
func readHead(path string) (Head, error) {
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(b) == 0 {
		return Head{}, nil
	}
	if err != nil {
		return Head{}, err
	}
	var h Head
	if _, err := leanjson.Decode(b, &h); err == nil { // as it was written, and several times as fast
		return h, nil
	}
	return ParseHead(b)
}

// ParseHead reads what [Head] encodes to as JSON.
func ParseHead(b []byte) (Head, error) {
	var h Head
	if err := json.Unmarshal(b, &h); err != nil {
		return Head{}, fmt.Errorf("decode the head of the audit log: %w", err)
	}
	return h, nil
}

// appendTo appends what encoding/json makes of a head, which works out first how to: that takes as long as to sign it.
func (h Head) appendTo(b []byte) []byte {
	b = strconv.AppendUint(append(b, `{"seq":`...), h.Seq, 10)
	b = appendField(b, "chain", h.Chain)
	b = appendField(b, "time", h.Time.Format(time.RFC3339Nano))
	if h.PublicKey != "" {
		b = appendField(b, "public_key", h.PublicKey)
	}
	if h.Signature != "" {
		b = appendField(b, "signature", h.Signature)
	}
	return append(b, '}')
}

func writeHead(path string, h Head) error {
	b := h.appendTo(nil)
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	line := string(b) + strings.Repeat(" ", max(0, headSize-1-len(b))) + "\n"
	_, err = f.WriteAt([]byte(line), 0)
	return errors.Join(err, f.Close())
}

// Head returns the head of the log; the zero value where nothing has been written.
func (l *Log) Head() (Head, error) {
	unlock, err := l.lock()
	if err != nil {
		return Head{}, fmt.Errorf("lock audit log: %w", err)
	}
	defer unlock()
	return readHead(l.headPath())
}
