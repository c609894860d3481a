package attack_test

const (
	coverGo     = "internal/proxy/cover.go"
	cutGo       = "internal/proxy/remember.go"
	clientGo    = "internal/proxy/client.go"
	dialGo      = "internal/proxy/dial.go"
	headerGo    = "internal/proxy/header.go"
	interceptGo = "internal/proxy/intercept.go"
	matchGo     = "internal/proxy/match.go"
	patternGo   = "hostpattern.go"
	proxyGo     = "internal/proxy/proxy.go"
	requestGo   = "internal/proxy/http1/request.go"
	respondGo   = "internal/proxy/respond.go"
	upgradeGo   = "internal/proxy/upgrade.go"
	upstreamGo  = "internal/proxy/upstream.go"
	agentsGo    = "internal/proxy/agents.go"
	guardGo     = "internal/proxy/guard.go"
	runGo       = "internal/cli/run.go"
	startGo     = "internal/sandbox/start_linux.go"
	caGo        = "internal/mitm/ca.go"
	leafGo      = "internal/mitm/leaf.go"
	redirectGo  = "internal/oauth/redirect.go"
	refreshGo   = "local/refresh.go"
)

// proofs are the ways to take the defences out, by the number of the attack.
var proofs = map[int][]proof{
	1: {one("check of Host", interceptGo, "	if !d.is(r.Host) {", "	if false {")},
	2: {one("check of the server name", leafGo, "			return nil, checkServerName(h.name, hello.ServerName)", "			return nil, nil")},
	3: {one("verification of the server", upstreamGo, "		MinVersion:         tls.VersionTLS12,", "		MinVersion: tls.VersionTLS12, InsecureSkipVerify: true,")},
	4: {one("refusal of cleartext", "internal/proxy/policy.go", "	if p.namedByRoute(target) {", "	if false {")},
	5: {one("comparison of ports", patternGo, "	if port != p.port || !isASCII(host) {", "	if !isASCII(host) {")},
	6: {one("check at dial", dialGo, "guard && (isForbidden(a.Addr()) || cfg.Contained && isThisMachine(a.Addr()))", "false")},
	7: {{"refusal of the unspecified address", []change{
		{dialGo, "ip.IsUnspecified(), ", ""}, {dialGo, "return b[0] == 0 || b == ", "return b == "},
	}}},
	8: {
		one("check of the proxy's own address", dialGo, "isOwn(a) || ", ""),
		one("refusal of other commands of SOCKS", "internal/proxy/socks.go", "	if head[1] != socksConnect {", "	if false {"),
	},
	9: {one("handing redirects back", upstreamGo, "	resp, err := u.http1.RoundTrip(r, host, interim)\n", `
	resp, err := u.http1.RoundTrip(r, host, interim)
	if err == nil && resp.Header.Get("Location") != "" {
		next := r.Clone(r.Context())
		next.URL, _ = resp.Location()
		next.Host = next.URL.Host
		return u.http1.RoundTrip(next, next.Host, interim)
	}
`)},
	10: {one("comparison of whole names", patternGo, "		return host == p.host", "		return strings.HasSuffix(host, p.host)")},
	11: {
		one("refusal of ambiguous paths", interceptGo, "	if x.rule.ambiguous {", "	if false {"),
	},
	12: {one("judging the other method", "internal/policy/host.go", "range overriding(r) {", "range overriding(r)[:0] {")},
	13: {
		one("refusal of two lengths", requestGo, "	case f.lengths+f.codings > 1:", "	case false:"),
	},
	14: {one("removal of the connection's fields", headerGo, "	for _, list := range h[\"Connection\"] {", "	for _, list := range h[\"Connection\"][len(h[\"Connection\"]):] {")},
	15: {
		one("removal of the client's own", interceptGo, "	dropCredentials(x.out.Header, x.form.fields)\n", ""),
		one("removal from the trailer", headerGo, "		dropCredentials(b.trailer, b.fields)\n", ""),
	},
	16: {one("check of what is stored", "local/fields.go", "r < ' ' || r == 0x7f", "false")},
	17: {
		one("check of the authority", interceptGo, "	if !d.is(r.Host) {", "	if false {"),
		one("check of a host beside", interceptGo, "		if !d.is(host) {", "		if host == \"\" {"),
	},
	18: {one("proof of the handshake", upgradeGo, "	if !strings.EqualFold(protocol, \"websocket\") {", "	if true {")},
	19: {
		one("removal of Alt-Svc", respondGo, "	delete(h, \"Alt-Svc\") // it would lead the client past this proxy\n", ""),
		noNetwork,
	},
	20: {one("limit of what is signed", "internal/sigv4/sigv4.go", "	case len(body) > MaxBody:", "	case false:")},
	21: {
		one("looking through bodies", guardGo, "	resp.Body = g\n", ""),
		one("looking for what other accounts were sent with", coverGo, "		c = &cover{slots: slots}\n", "		c = &cover{slots: slots[:1]}\n"),
		one("looking for what was not used yet", coverGo, "	x.p.memory.acquaint(x.in.Context(), c, x.slot)\n", ""),
		one("looking through fields", guardGo, "	g.hits = g.header(resp.Header)\n", ""),
		one("looking through trailers", guardGo, "		g.hits += g.header(g.resp.Trailer)\n", ""),
		one("looking through interim responses", respondGo, "	x.guardInterim(h)\n", ""),
		one("looking for other forms", "internal/redact/forms.go", "	forms := Forms(c.Value.Reveal())\n", "	forms := []string{c.Value.Reveal()}\n"),
		one("holding back what may be a beginning", "internal/redact/reader.go", "	end := set.beginning(data)\n", "	end := len(data)\n"),
		one("refusal of TRACE", interceptGo, "	case http.MethodTrace, \"TRACK\":", "	case \"-\":"),
	},
	22: {
		one("decoding", guardGo, "	if why := g.decode(); why != nil {", "	if why := (*refusal)(nil); why != nil {"),
		one("decoding of messages", "internal/redact/messages.go", "	if prefix[0]&1 == 0 {", "	if true {"),
		one("refusal of other codings", "internal/redact/decode.go", "	if !Decodes(coding) {", "	if false {"),
		{"asking for more than a part", []change{
			{"internal/proxy/part.go", "parsePart(h[\"Range\"], int64(", "parsePart(h[\"Range\"], 0*int64("},
			{"internal/proxy/part.go", " || int64(g.set.Longest()) > x.part.margin {", " {"},
		}},
		one("not asking for several parts", "internal/proxy/part.go", "		delete(h, \"Range\")\n", ""),
		one("not asking for other codings", guardGo, "			if redact.Decodes(strings.TrimSpace(coding)) {", "			if coding != \"\" {"),
		one("refusal of parts that were not asked for", "internal/proxy/part.go", "		if !holdsBytes(h) {", "		if true {"),
		one("covering the rest of a secret", guardGo, "		r.Partway()\n", ""),
	},
	23: {
		one("refusal of the request", interceptGo, "		return x.refuseNewCredentials()", "		return nil"),
		one("covering new tokens", guardGo, "	g.reader, g.fresh = r, x.freshIn(resp)", "	g.reader = r"),
	},
	24: {
		one("removal of cookies", guardGo, "		delete(h, \"Set-Cookie\")\n", ""),
		one("removal from trailers", guardGo, "		g.x.dropCookies(g.resp.Trailer)\n", ""),
		one("removal from interim responses", guardGo, "	x.recordRedaction(g.header(h))\n	x.dropCookies(h)\n", "	x.recordRedaction(g.header(h))\n"),
	},
	25: {
		one("hiding the home", "internal/sandbox/enter_linux.go", "	if err := hide(s, kept); err != nil {", "	if err := error(nil); err != nil {"),
		one("writing down what was shown", "internal/cli/get.go", "\n	if err := a.record(authsome.EventReveal, cred.Ref, nil); err != nil {", "\n	if err := error(nil); err != nil {"),
		one("refusal of other settings", "internal/cli/connectionset.go", "	if err := a.notInARun(\"change what comes back to it\"); err != nil {", "	if err := error(nil); err != nil {"),
	},
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
	28: {
		one("check of the password", "internal/proxy/agents.go", "subtle.ConstantTimeCompare(a.Password[:], digest[:]) != 1", "subtle.ConstantTimeCompare(a.Password[:], digest[:]) > 1"),
		one("one agent for a connection", agentsGo, "	case before != nil:", "	case false:"),
	},
	29: {
		one("cutting off", cutGo, "			s.open.cut()\n", ""),
		one("hanging up on an agent", agentsGo, "		c.hangUp()\n", "		_ = c\n"),
	},
	30: {
		one("closing the broker", "internal/sandbox/protect_linux.go", "unix.PR_SET_DUMPABLE, 0,", "unix.PR_SET_DUMPABLE, 1,"),
		one("hiding the home", "internal/sandbox/enter_linux.go", "	if err := hide(s, kept); err != nil {", "	if err := error(nil); err != nil {"),
		one("refusal of this machine's services", dialGo, "cfg.Contained && isThisMachine(a.Addr())", "false"),
		noNetwork,
	},
	31: {one("keeping the key in memory", caGo, "	return pem.EncodeToMemory(&pem.Block{Type: \"CERTIFICATE\", Bytes: ca.cert.Raw})", `	key, _ := x509.MarshalPKCS8PrivateKey(ca.key)
	return append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ca.cert.Raw}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})...)`)},
	40: {
		{"limit of a login's time", []change{
			{clientGo, "entranceTimeout = 10 * time.Second", "entranceTimeout = time.Hour"},
			{clientGo, "maxStrangers    = 256 ", "maxStrangers    = 1 << 20 "},
		}},
		one("limit of a login's size", clientGo, "entranceHeader  = 128 << 10", "entranceHeader  = 128 << 20"),
		one("limit of a head's size", proxyGo, "maxHeaderBytes        = 1 << 20", "maxHeaderBytes        = 1 << 30"),
		one("limit of unfinished handshakes", clientGo, "const maxHandshakes = 512", "const maxHandshakes = 1 << 20"),
		one("limit of an agent's connections", runGo, "const maxPerAgent = 4096", "const maxPerAgent = 1 << 14"),
		one("limit of streams", "internal/proxy/http2.go", "const maxStreams = 250", "const maxStreams = 1 << 20"),
		one("limit of certificates that are kept", caGo, "maxHosts = 1000", "maxHosts = 1 << 20"),
	},
	32: {one("mode of the file", "internal/run/files.go", "os.WriteFile(f.CA, caPEM, 0o600)", "os.WriteFile(f.CA, caPEM, 0o666)")},
	33: {
		{"check of the state", []change{
			{redirectGo, "	if state == \"\" || !same(single(q, \"state\"), state) {", "	if false {"},
			{"internal/loopback/callback.go", "	case !c.belongs(query):", "	case false:"},
		}},
		one("waiting for the answer with the state", "internal/loopback/callback.go", "	case !c.belongs(query):", "	case false:"),
		one("PKCE", "internal/oauth/authorize.go", "	if !req.Verifier.IsZero() {", "	if false {"),
		one("check of the issuer", redirectGo, "	checked := issRequired ||", "	checked := false && issRequired &&"),
	},
	34: {
		one("consent to another endpoint", "local/server.go", "	case refreshURL(known) != refreshURL(found):", "	case false:"),
	},
	35: {one("the token's bond to its endpoint", refreshGo, "	if refreshURL(spec) != c.TokenURL {", "	if false {")},
	36: {
		one("the lock", refreshGo, "	unlock, done, err := l.lockOrAdopt(ctx, seen)", "	unlock, done, err := func() {}, refreshed{}, error(nil)"),
		one("asking again after a crash", "local/freshness.go", "	case !c.Refresh.IntentAt.IsZero(), c.Refresh.AnswerLost:", "	case false:"),
	},
	37: {{"looking again before the verdict", []change{
		{refreshGo, "	if errors.Is(err, vault.ErrConflict) {\n		// Somebody", "	if false {\n		// Somebody"},
		{refreshGo, "err == nil && now.Generation != c.Generation {", "err == nil && now.Generation < c.Generation {"},
	}}},
	38: {
		one("the chain", "internal/audit/verify.go", "	if !hmac.Equal(", "	if false && !hmac.Equal("),
		{"the head", []change{
			{"internal/audit/verify.go", "	case head.Seq > v.last.seq:", "	case false:"},
			{"internal/audit/verify.go", "	case head.Chain != v.last.chain:", "	case false:"},
		}},
		one("what the machine has seen", "internal/audit/witness.go", "	if err != nil || h.Seq <= last.seq || keys.check(h) != nil {", "	if err != nil || h.Seq > 0 {"),
		one("a lost head on record", "internal/audit/verify.go", "	if bytes.Contains(covered, []byte(saysHeadLost)) {", "	if false {"),
		one("the signature of the head", "internal/audit/head.go", "!ecdsa.VerifyASN1(&k.head.PublicKey, sum[:], signature)", "false && ecdsa.VerifyASN1(&k.head.PublicKey, sum[:], signature)"),
	},
	39: {
		one("comparing with the mark", "vault/mark.go", "	case k.generation > m.generation:", "	case false:"),
		one("what the machine has seen", "vault/witness.go", "	if m == nil || k.generation <= m.generation {", "	if true {"),
		one("missing the mark", "vault/mark.go", "	if m == nil && k.generation == 0 {", "	if !k.exists() || m == nil && k.generation == 0 {"),
	},
	41: {
		one("refusal in a run", "internal/cli/agent.go", "	if a.env.getenv(envBroker) == \"\" {", "	if true {"),
		one("the person's answer", "internal/agent/askpass.go", "		if err != nil && !left {", "		if false {"),
		one("the end of the questions", "internal/agent/gate.go", "	if g.refusals >= maxRefusals {", "	if false {"),
	},
	42: {
		one("check of Host", "internal/loopback/server.go", "	if !strings.EqualFold(r.Host, s.host) {", "	if false && !strings.EqualFold(r.Host, s.host) {"),
		one("check of Origin", "internal/loopback/form.go", "	if !comesFrom(r, f.origin) {", "	if false {"),
		one("the address nobody knows", "internal/loopback/form.go", "	if subtle.ConstantTimeCompare([]byte(path), []byte(f.path)) != 1 {", "	if isResult && subtle.ConstantTimeCompare([]byte(path), []byte(f.path)) != 1 {"),
	},
}

// noNetwork leaves the sandbox in the network of the machine.
var noNetwork = proof{"a network of its own", []change{
	{startGo, "unix.CLONE_NEWNET | ", ""},
	{"internal/sandbox/inside_linux.go", "	if err := loopbackUp(fd); err != nil {", "	if err := loopbackUp(fd); err != nil && fd < 0 {"},
}}

func one(name, file, before, after string) proof {
	return proof{name, []change{{file, before, after}}}
}
