package audit

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"authsome"
)

// What an entry says beyond its first fields, such as hosts, paths and reasons, is sealed where the log has a key: a log
// that somebody copies tells what was used and when, and not where or by whom.
//
//	{"timestamp":…,"event":…,"provider":…,"connection":…,"profile":…,"status":"success","sealed":"b64","seq":12,…}
//
// The seal is AES-256-GCM, the nonce first. What stands before it is authenticated with it.
const (
	sealedField = `,"sealed":"`
	statusField = `,"status":"`
)

// newSeal derives what seals details from the secret of a log.
func newSeal(secret []byte) (cipher.AEAD, error) {
	key, err := hkdf.Key(sha256.New, secret, nil, "authsome audit details", 32)
	if err != nil {
		return nil, fmt.Errorf("derive the key of the audit log: %w", err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("use the key of the audit log: %w", err)
	}
	return cipher.NewGCMWithRandomNonce(block)
}

// appendSealed appends a rendered line without its end, its details sealed. It takes and returns memory that it may use.
func (k chainKeys) appendSealed(b, line, scratch []byte) (out, used []byte) {
	line = bytes.TrimSuffix(line, []byte("}\n"))
	clear, details := splitDetails(line)
	if k.seal == nil || len(details) == 0 {
		return append(b, line...), scratch
	}
	scratch = k.seal.Seal(scratch[:0], nil, details[1:], clear) // without the comma
	b = append(append(b, clear...), sealedField...)
	b = base64.RawURLEncoding.AppendEncode(b, scratch)
	return append(b, '"'), scratch
}

// splitDetails cuts a line behind its status. No value before can look like that field: quotes are escaped in values.
func splitDetails(line []byte) (clear, details []byte) {
	at := bytes.Index(line, []byte(statusField))
	if at < 0 {
		return line, nil
	}
	at += len(statusField)
	end := bytes.IndexByte(line[at:], '"')
	if end < 0 {
		return line, nil
	}
	return line[:at+end+1], line[at+end+1:]
}

// opener opens the details of entries as they are read.
type opener struct {
	key    func() (authsome.Secret, error)
	seal   cipher.AEAD
	failed bool // the key was asked for and cannot be had
}

// open puts what is sealed in a line into the entry that was read of it. What cannot be opened stays as it is.
func (o *opener) open(e *Entry, line []byte) {
	if e.Sealed == "" || o.failed || o.key == nil {
		return
	}
	if o.seal == nil {
		if err := o.ask(); err != nil {
			o.failed = true
			return
		}
	}
	if opened, err := o.details(e.Sealed, line); err == nil {
		e.Sealed = ""
		e.Reason = opened.Reason
		e.Details = append(e.Details, opened.Details...)
		slices.SortFunc(e.Details, func(a, b Detail) int { return strings.Compare(a.Name, b.Name) })
	}
}

func (o *opener) ask() error {
	secret, err := o.key()
	if err != nil {
		return err
	}
	o.seal, err = newSeal([]byte(secret.Reveal()))
	return err
}

// details returns an entry that has the reason and the details only.
func (o *opener) details(sealed string, line []byte) (Entry, error) {
	at := bytes.Index(line, []byte(sealedField))
	raw, err := base64.RawURLEncoding.DecodeString(sealed)
	if at < 0 || err != nil {
		return Entry{}, errors.Join(errors.New("the seal is malformed"), err)
	}
	opened, err := o.seal.Open(nil, nil, raw, line[:at])
	if err != nil {
		return Entry{}, fmt.Errorf("open the details: %w", err)
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(slices.Concat([]byte{'{'}, opened, []byte{'}'}), &fields); err != nil {
		return Entry{}, fmt.Errorf("decode the details: %w", err)
	}
	var e Entry
	if fields["reason"] != nil {
		if err := take(fields, "reason", &e.Reason); err != nil {
			return Entry{}, err
		}
	}
	e.takeDetails(fields)
	return e, nil
}
