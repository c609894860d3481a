package attack_test

const (
	cutGo       = "internal/proxy/remember.go"
	dialGo      = "internal/proxy/dial.go"
	headerGo    = "internal/proxy/header.go"
	interceptGo = "internal/proxy/intercept.go"
	matchGo     = "internal/proxy/match.go"
	patternGo   = "hostpattern.go"
	requestGo   = "internal/proxy/http1/request.go"
	respondGo   = "internal/proxy/respond.go"
	upgradeGo   = "internal/proxy/upgrade.go"
	upstreamGo  = "internal/proxy/upstream.go"
	caGo        = "internal/mitm/ca.go"
	leafGo      = "internal/mitm/leaf.go"
)

// proofs are the ways to take the defences out, by the number of the attack.
var proofs = map[int][]proof{
	1: {one("check of Host", interceptGo, "	if !d.is(r.Host) {", "	if false {")},
	2: {one("check of the server name", leafGo, "			return nil, checkServerName(h.name, hello.ServerName)", "			return nil, nil")},
	3: {one("verification of the server", upstreamGo, "		MinVersion:         tls.VersionTLS12,", "		MinVersion: tls.VersionTLS12, InsecureSkipVerify: true,")},
	4: {one("refusal of cleartext", "internal/proxy/policy.go", "	if p.namedByRoute(target) {", "	if false {")},
	5: {one("comparison of ports", patternGo, "	if port != p.port || !isASCII(host) {", "	if !isASCII(host) {")},
	6: {one("check at dial", dialGo, "guard && isForbidden(a.Addr())", "false")},
	7: {{"refusal of the unspecified address", []change{
		{dialGo, "ip.IsUnspecified(), ", ""}, {dialGo, "return b[0] == 0 || b == ", "return b == "},
	}}},
	8:  {one("check of the proxy's own address", dialGo, "isOwn(a) || ", "")},
	9:  {one("handing redirects back", upstreamGo, "	return u.http1.RoundTrip(r)", "	return (&http.Client{Transport: u.http1}).Do(r)")},
	10: {one("comparison of whole names", patternGo, "		return host == p.host", "		return strings.HasSuffix(host, p.host)")},
	11: {
		one("refusal of ambiguous paths", interceptGo, "	if x.rule.ambiguous {", "	if false {"),
	},
	12: {one("judging the other method", "internal/policy/host.go", "range overriding(r) {", "range overriding(r)[:0] {")},
	13: {
		one("refusal of two lengths", requestGo, "	case lengths+codings > 1:", "	case false:"),
	},
	14: {one("removal of the connection's fields", headerGo, "	for _, list := range h[\"Connection\"] {", "	for _, list := range h[\"Connection\"][len(h[\"Connection\"]):] {")},
	15: {
		one("removal of the client's own", interceptGo, "	dropCredentials(x.out.Header, cred.fields)\n", ""),
		one("removal from the trailer", headerGo, "		dropCredentials(b.trailer, b.fields)\n", ""),
	},
	16: {one("check of what is stored", "local/fields.go", "r < ' ' || r == 0x7f", "false")},
	17: {
		one("check of the authority", interceptGo, "	if !d.is(r.Host) {", "	if false {"),
		one("check of a host beside", interceptGo, "		if !d.is(host) {", "		if host == \"\" {"),
	},
	18: {one("proof of the handshake", upgradeGo, "	if !strings.EqualFold(protocol, \"websocket\") {", "	if true {")},
	19: {one("removal of Alt-Svc", respondGo, "	delete(h, \"Alt-Svc\") // it would lead the client past this proxy\n", "")},
	20: {one("limit of what is signed", "internal/sigv4/sigv4.go", "	case len(body) > MaxBody:", "	case false:")},
	26: {one("holding the placeholder back", interceptGo, "	if holdsPlaceholder(x.out) {", "	if false {")},
	27: {{"passing bodies on", []change{
		{interceptGo, "		x.keepBody()\n", "		x.keepBody()\n		x.substitute()\n"},
		{headerGo, "// hasToken reports", `
func (x *exchange) substitute() {
	if x.out.Body == nil {
		return
	}
	body, _ := io.ReadAll(x.out.Body)
	text := strings.ReplaceAll(string(body), authsome.Placeholder, x.cred.cred.Value.Reveal())
	x.out.Body, x.out.GetBody, x.out.ContentLength, x.body = io.NopCloser(strings.NewReader(text)), nil, int64(len(text)), nil
}

// hasToken reports`},
	}}},
	28: {one("check of the password", "internal/proxy/agents.go", "subtle.ConstantTimeCompare(a.Password[:], digest[:]) != 1", "subtle.ConstantTimeCompare(a.Password[:], digest[:]) > 1")},
	29: {one("cutting off", cutGo, "			s.open.cut()\n", "")},
	31: {one("keeping the key in memory", caGo, "	return pem.EncodeToMemory(&pem.Block{Type: \"CERTIFICATE\", Bytes: ca.cert.Raw})", `	key, _ := x509.MarshalPKCS8PrivateKey(ca.key)
	return append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ca.cert.Raw}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})...)`)},
	32: {one("mode of the file", "internal/run/files.go", "os.WriteFile(f.CA, caPEM, 0o600)", "os.WriteFile(f.CA, caPEM, 0o666)")},
}

func one(name, file, before, after string) proof {
	return proof{name, []change{{file, before, after}}}
}
