package http1

import (
	"net/http"
	"net/textproto"
	"strings"
)

// parseAnswer reads the head of a response to resp.Request, with the severity that requests meet (RFC 9112 sections 4 and
// 6): a response whose end two readers could see in two places is no response.
func parseAnswer(head string, resp *http.Response, f *fields) error {
	line, rest, ok := cutLine(head)
	if !ok {
		return errMalformed("malformed status line")
	}
	if err := parseStatus(line, resp); err != nil {
		return err
	}
	rest, err := parseFields(rest, f)
	switch {
	case err != nil:
		return err
	case rest != "":
		return errMalformed("a line does not end in CRLF")
	}
	resp.Header = f.header
	return frame(resp, f)
}

// parseStatus reads "HTTP/1.1 200 OK". A missing reason is common, and with it the blank before it.
func parseStatus(line string, resp *http.Response) error {
	const version = "HTTP/1."
	if len(line) < len("HTTP/1.1 200") || line[:len(version)] != version || line[8] != ' ' || hasControl(line) {
		return errMalformed("malformed status line")
	}
	switch line[7] {
	case '0':
		resp.Proto = "HTTP/1.0"
	case '1':
		resp.Proto, resp.ProtoMinor = "HTTP/1.1", 1
	default:
		return errMalformed("the version of the response is neither HTTP/1.0 nor HTTP/1.1")
	}
	resp.ProtoMajor = 1
	for _, c := range []byte(line[9:12]) {
		if c < '0' || c > '9' {
			return errMalformed("malformed status code")
		}
		resp.StatusCode = 10*resp.StatusCode + int(c-'0')
	}
	if resp.StatusCode < 100 || resp.StatusCode > 599 || len(line) > 12 && line[12] != ' ' {
		return errMalformed("malformed status code")
	}
	resp.Status = line[9:]
	return nil
}

// frame settles where the response ends, RFC 9112 section 6.3.
func frame(resp *http.Response, f *fields) error {
	switch {
	case f.lengths+f.codings > 1:
		return errMalformed("the length of the response is given more than once")
	case f.codings == 1 && !f.chunked:
		return errMalformed("a transfer coding other than chunked")
	case f.codings == 1 && resp.ProtoMinor == 0:
		return errMalformed("Transfer-Encoding in an HTTP/1.0 response")
	}
	resp.Close = f.close || resp.ProtoMinor == 0 && !f.keepAlive
	resp.ContentLength = -1
	if f.lengths == 1 {
		resp.ContentLength = f.length
	}
	delete(resp.Header, "Transfer-Encoding")
	if hasNoBody(resp) {
		if resp.Request.Method != http.MethodHead {
			resp.ContentLength = 0
		}
		return nil
	}
	if f.chunked {
		resp.TransferEncoding = []string{"chunked"}
		var err error
		resp.Trailer, err = announced(resp.Header)
		return err
	}
	resp.Close = resp.Close || f.lengths == 0
	return nil
}

// hasNoBody reports whether a response ends with its head whatever its fields say.
func hasNoBody(resp *http.Response) bool {
	status := resp.StatusCode
	return resp.Request.Method == http.MethodHead || status < 200 ||
		status == http.StatusNoContent || status == http.StatusNotModified
}

// announced returns the names that the Trailer field announces, and removes it: that is where net/http has them.
func announced(h http.Header) (http.Header, error) {
	lists, ok := h["Trailer"]
	if !ok {
		return nil, nil
	}
	delete(h, "Trailer")
	trailer := make(http.Header)
	for _, list := range lists {
		for name := range strings.SplitSeq(list, ",") {
			if name = textproto.CanonicalMIMEHeaderKey(trimBlank(name)); name == "" {
				continue
			}
			if !MayTrail(name) {
				return nil, errMalformed("a field that frames the message is announced as a trailer")
			}
			trailer[name] = nil
		}
	}
	return trailer, nil
}

// MayTrail reports whether a field, in canonical form, can stand in a trailer section: not if it is needed before, RFC
// 9110 section 6.5.1. HTTP/2 lets everything through.
func MayTrail(name string) bool {
	switch name {
	case "Content-Length", "Transfer-Encoding", "Trailer", "Host", "Connection":
		return false
	}
	return isToken(name)
}
