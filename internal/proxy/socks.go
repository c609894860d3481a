package proxy

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"time"

	"authsome"
)

// The numbers of RFC 1928 and RFC 1929.
const (
	socksVersion       = 5
	socksByPassword    = 2    // the method of RFC 1929
	socksNoMethod      = 0xff // none of those that were offered
	socksLoginVersion  = 1
	socksConnect       = 1
	socksIPv4          = 1
	socksName          = 3
	socksIPv6          = 4
	socksDone          = 0
	socksFailed        = 1
	socksNotAllowed    = 2
	socksUnreachable   = 4
	socksConnRefused   = 5
	socksTimedOut      = 6 // "TTL expired" is what there is for it
	socksNoSuchCommand = 7
	socksNoSuchAddress = 8
)

// errSOCKS is the error of a client that does not keep to the protocol, or may not go on. It has been told, where there
// is a way to.
var errSOCKS = errors.New("the client does not speak SOCKS5 as it is spoken here")

// socks serves a client of SOCKS5. What it asks for is treated as if it had sent CONNECT.
func (p *Proxy) socks(c *client, conn *startedConn) {
	e := &socksEntrance{p: p, c: c, conn: conn}
	target, err := readSOCKS(conn, func(user string, password authsome.Secret) bool {
		return p.login(c, user, password) == nil
	})
	if err != nil {
		p.cfg.Logger.Debug("proxy: socks", "error", err)
		return
	}
	if conn.SetReadDeadline(time.Time{}) == nil {
		p.connect(c, e, target)
	}
}

// readSOCKS has the client log in and reads what it wants to be connected to. It reads no byte beyond the request, and
// answers all but the request, unless that is refused for itself.
func readSOCKS(conn io.ReadWriter, login func(user string, password authsome.Secret) bool) (authority, error) {
	if err := readSOCKSMethods(conn); err != nil {
		return authority{}, err
	}
	if err := readSOCKSLogin(conn, login); err != nil {
		return authority{}, err
	}
	var head [4]byte
	if _, err := io.ReadFull(conn, head[:]); err != nil {
		return authority{}, err
	}
	if head[0] != socksVersion || head[2] != 0 {
		return authority{}, answerSOCKS(conn, socksFailed)
	}
	host, code, err := readSOCKSHost(conn, head[3])
	if err != nil {
		return authority{}, err
	}
	var port [2]byte
	if code == socksDone {
		if _, err := io.ReadFull(conn, port[:]); err != nil {
			return authority{}, err
		}
	}
	if head[1] != socksConnect { // BIND and UDP ASSOCIATE lead where nobody could look
		code = socksNoSuchCommand
	}
	if code != socksDone {
		return authority{}, answerSOCKS(conn, code)
	}
	number := int(port[0])<<8 | int(port[1])
	target, err := parseAuthority(net.JoinHostPort(host, strconv.Itoa(number)), "")
	if err != nil {
		return authority{}, answerSOCKS(conn, socksFailed)
	}
	return target, nil
}

// readSOCKSMethods settles the method of logging in, RFC 1928 section 3.
func readSOCKSMethods(conn io.ReadWriter) error {
	var head [2]byte
	if _, err := io.ReadFull(conn, head[:]); err != nil {
		return err
	}
	methods := make([]byte, head[1])
	if _, err := io.ReadFull(conn, methods); err != nil {
		return err
	}
	if head[0] != socksVersion {
		return errSOCKS
	}
	for _, m := range methods {
		if m == socksByPassword {
			_, err := conn.Write([]byte{socksVersion, socksByPassword})
			return err
		}
	}
	_, err := conn.Write([]byte{socksVersion, socksNoMethod})
	return errors.Join(errSOCKS, err)
}

// readSOCKSLogin reads name and password, RFC 1929 section 2.
func readSOCKSLogin(conn io.ReadWriter, login func(user string, password authsome.Secret) bool) error {
	var version [1]byte
	if _, err := io.ReadFull(conn, version[:]); err != nil {
		return err
	}
	if version[0] != socksLoginVersion {
		return errSOCKS
	}
	user, err := readSOCKSText(conn)
	if err != nil {
		return err
	}
	password, err := readSOCKSText(conn)
	if err != nil {
		return err
	}
	if !login(string(user), authsome.NewSecret(string(password))) {
		_, err := conn.Write([]byte{socksLoginVersion, socksFailed})
		return errors.Join(errSOCKS, err)
	}
	_, err = conn.Write([]byte{socksLoginVersion, socksDone})
	return err
}

// readSOCKSText reads a text after the byte that holds its length.
func readSOCKSText(conn io.Reader) ([]byte, error) {
	var length [1]byte
	if _, err := io.ReadFull(conn, length[:]); err != nil {
		return nil, err
	}
	text := make([]byte, length[0])
	_, err := io.ReadFull(conn, text)
	return text, err
}

// readSOCKSHost reads an address of the given type, RFC 1928 section 5.
func readSOCKSHost(conn io.Reader, kind byte) (host string, code byte, err error) {
	var ip []byte
	switch kind {
	case socksName:
		name, err := readSOCKSText(conn)
		return string(name), socksDone, err
	case socksIPv4:
		ip = make([]byte, 4)
	case socksIPv6:
		ip = make([]byte, 16)
	default:
		return "", socksNoSuchAddress, nil
	}
	if _, err := io.ReadFull(conn, ip); err != nil {
		return "", socksFailed, err
	}
	address, _ := netip.AddrFromSlice(ip)
	return address.String(), socksDone, nil
}

// answerSOCKS refuses a request.
func answerSOCKS(conn io.Writer, code byte) error {
	return errors.Join(errSOCKS, writeSOCKS(conn, code))
}

// writeSOCKS sends the reply to a request, RFC 1928 section 6. The address that it names is for BIND alone.
func writeSOCKS(conn io.Writer, code byte) error {
	_, err := conn.Write([]byte{socksVersion, code, 0, socksIPv4, 0, 0, 0, 0, 0, 0})
	return err
}

// socksEntrance is a request of SOCKS.
type socksEntrance struct {
	p    *Proxy
	c    *client
	conn *startedConn
}

func (e *socksEntrance) accept() (*clientConn, error) {
	if err := writeSOCKS(e.conn, socksDone); err != nil {
		return nil, err
	}
	return &clientConn{Conn: e.conn.Conn, early: e.conn.started, client: e.c}, nil
}

func (e *socksEntrance) refuse(target string, why *refusal) {
	e.p.recordDenial(e.c.ctx, target, http.MethodConnect, "", why)
	_ = writeSOCKS(e.conn, socksCode(why))
}

// socksCode is as much as the protocol can say of a refusal.
func socksCode(why *refusal) byte {
	switch {
	case why.cause == nil: // it is by a rule
		return socksNotAllowed
	case isConnRefused(why.cause):
		return socksConnRefused
	}
	switch why.Reason {
	case "host not found":
		return socksUnreachable
	case "connection timed out":
		return socksTimedOut
	}
	return socksFailed
}
