package audit

import (
	"bytes"
	"crypto/cipher"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"hash"
	"strconv"
)

// KeySize is the size of the secret that a log's chain and head are made with, in bytes.
const KeySize = 32

// Every line ends in its number and its place in the chain, both of fixed form:
//
//	…,"seq":12,"chain":"b64"}
//
// The chain value is a code over the one before it, over whatever lies between the two lines (a line that a crash has
// torn, or what was there before the log had a chain), and over the line itself up to the value.
const (
	seqField   = `,"seq":`
	chainField = `,"chain":"`
	chainEnd   = "\"}\n"
)

// unkeyed begins the chain value of an entry that was written while the key could not be had: a plain hash, which
// anybody could make.
const unkeyed = "."

// chainKeys are what a log's secret stands for. The zero value is that of a log without one.
type chainKeys struct {
	mac  []byte
	head *ecdsa.PrivateKey
	seal cipher.AEAD // of what only the owner may read
}

// newKeys derives the keys of the chain and of the head from a secret of KeySize bytes.
func newKeys(secret []byte) (chainKeys, error) {
	if len(secret) != KeySize {
		return chainKeys{}, fmt.Errorf("the key of the audit log has %d bytes, not %d", len(secret), KeySize)
	}
	mac, err := hkdf.Key(sha256.New, secret, nil, "authsome audit chain", sha256.Size)
	if err != nil {
		return chainKeys{}, fmt.Errorf("derive the key of the audit log: %w", err)
	}
	head, err := headKey(secret)
	if err != nil {
		return chainKeys{}, fmt.Errorf("derive the key of the audit log: %w", err)
	}
	seal, err := newSeal(secret)
	if err != nil {
		return chainKeys{}, err
	}
	return chainKeys{mac: mac, head: head, seal: seal}, nil
}

// headKey derives the key that heads are signed with. It is one on P-256 because a command signs once and ends: what
// Ed25519 computes before its first signature takes a quarter as long as the command.
func headKey(secret []byte) (*ecdsa.PrivateKey, error) {
	const scalarSize = 32
	for n := 0; ; n++ { // once in four thousand million times a number is no key
		scalar, err := hkdf.Key(sha256.New, secret, nil, "authsome audit head "+strconv.Itoa(n), scalarSize)
		if err != nil {
			return nil, err
		}
		if key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), scalar); err == nil || n > 8 {
			return key, err
		}
	}
}

func (k chainKeys) has() bool { return k.mac != nil }

// link is what the next entry continues from. The zero value is the beginning of a chain.
type link struct {
	seq   uint64
	chain string
}

// code begins the computation of the value that follows l.
func (k chainKeys) code(l link, keyed bool) hash.Hash {
	var h hash.Hash
	if keyed {
		h = hmac.New(sha256.New, k.mac)
	} else {
		h = sha256.New()
	}
	h.Write([]byte(l.chain))
	h.Write([]byte{'\n'})
	return h
}

// linker chains the entries of one batch. It keeps what it computes with from one to the next.
type linker struct {
	chainKeys
	hash    hash.Hash
	scratch []byte
}

func (k chainKeys) linker() *linker {
	if k.has() {
		return &linker{chainKeys: k, hash: hmac.New(sha256.New, k.mac)}
	}
	return &linker{chainKeys: k, hash: sha256.New()}
}

// append appends a rendered line, sealed, with its number and chain value, and returns what the next one continues from.
// Gap is what lies between the line before and this one.
func (c *linker) append(b []byte, l link, gap, line []byte) ([]byte, link) {
	begin := len(b)
	b, c.scratch = c.appendSealed(b, line, c.scratch)
	l.seq++
	b = append(b, seqField...)
	b = strconv.AppendUint(b, l.seq, 10)
	c.hash.Reset()
	c.scratch = append(append(c.scratch[:0], l.chain...), '\n')
	c.hash.Write(c.scratch)
	c.hash.Write(gap)
	c.hash.Write(b[begin:])
	b = append(b, chainField...)
	at := len(b)
	b, c.scratch = appendChainValue(b, c.hash, c.has(), c.scratch)
	l.chain = string(b[at:])
	return append(b, chainEnd...), l
}

// appendChainValue appends the value that h has come to. It takes and returns memory that it may use.
func appendChainValue(b []byte, h hash.Hash, keyed bool, scratch []byte) (value, used []byte) {
	if !keyed {
		b = append(b, unkeyed...)
	}
	scratch = h.Sum(scratch[:0])
	return base64.RawURLEncoding.AppendEncode(b, scratch), scratch
}

func chainValue(h hash.Hash, keyed bool) string {
	value, _ := appendChainValue(nil, h, keyed, nil)
	return string(value)
}

// parseLink returns what a line says of its place in the chain, and the part of the line that the value covers.
func parseLink(line []byte) (l link, covered []byte, ok bool) {
	at := bytes.LastIndex(line, []byte(chainField))
	if at < 0 || !bytes.HasSuffix(line, []byte(chainEnd)) {
		return link{}, nil, false
	}
	begin, end := at+len(chainField), len(line)-len(chainEnd)
	if begin > end { // the quote that begins the value is the one that ends it
		return link{}, nil, false
	}
	covered = line[:at]
	value := line[begin:end]
	at = bytes.LastIndex(covered, []byte(seqField))
	if at < 0 || bytes.IndexByte(value, '"') >= 0 {
		return link{}, nil, false
	}
	seq, err := strconv.ParseUint(string(covered[at+len(seqField):]), 10, 64)
	if err != nil || seq == 0 {
		return link{}, nil, false
	}
	return link{seq: seq, chain: string(value)}, covered, true
}
