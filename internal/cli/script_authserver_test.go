package cli

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"authsome/internal/authserver"
)

// authserverCommand drives the servers of a script.
func authserverCommand(ts *testscript.TestScript, neg bool, args []string) {
	w := ts.Value(worldKey{}).(*scriptWorld)
	if neg || len(args) == 0 {
		ts.Fatalf("usage: authserver start|api|stop|restart|fault|calls|secret|consent|revoke-all|reject-access-tokens …")
	}
	rest := args[1:]
	if args[0] != "start" && w.auth == nil {
		ts.Fatalf("authserver %s: it has not been started", args[0])
	}
	switch args[0] {
	case "start":
		ts.Check(w.start(serverConfig(ts, rest)))
		setAll(ts, w.environment())
	case "api":
		address, roots, err := w.startAPI()
		ts.Check(err)
		setAll(ts, w.apiEnvironment(address, roots))
	case "stop":
		w.stop()
	case "restart":
		ts.Check(w.listen(w.address))
	case "fault":
		for _, f := range rest {
			fault, err := w.fault(f)
			ts.Check(err)
			w.auth.Inject(fault)
		}
	case "calls":
		if got := w.auth.TokenRequests(rest[0]); strconv.Itoa(got) != rest[1] {
			ts.Fatalf("%d token requests of type %s, want %s", got, rest[0], rest[1])
		}
	case "secret":
		w.secret(rest[0])
		w.auth.SetClientSecret(clientID, rest[0])
	case "consent":
		w.auth.SetConsent(authserver.Consent(rest[0]))
	case "forget-clients":
		w.auth.ForgetClients()
	case "revoke-all":
		w.auth.RevokeAll()
	case "reject-access-tokens":
		w.auth.RevokeAccessTokens()
	default:
		ts.Fatalf("authserver %s: there is no such thing", args[0])
	}
}

func setAll(ts *testscript.TestScript, env map[string]string) {
	for name, value := range env {
		ts.Setenv(name, value)
	}
}

func serverConfig(ts *testscript.TestScript, flags []string) authserver.Config {
	config := authserver.Config{Consent: authserver.ConsentApprove}
	for i := 0; i+1 < len(flags); i += 2 {
		switch flags[i] {
		case "-rotation":
			config.Rotation = authserver.Rotation(flags[i+1])
		case "-grace":
			config.Grace = duration(ts, flags[i+1])
		case "-lifetime":
			config.AccessTokenLifetime = duration(ts, flags[i+1])
		case "-kill-old-token":
			config.KillOldAccessToken = flags[i+1] == "true"
		case "-interval":
			config.DeviceInterval = duration(ts, flags[i+1])
		case "-device-lifetime":
			config.DeviceCodeLifetime = duration(ts, flags[i+1])
		case "-scopes":
			config.Scopes = strings.Split(flags[i+1], ",")
		case "-grants":
			config.GrantOnly = strings.Split(flags[i+1], ",")
		case "-consent":
			config.Consent = authserver.Consent(flags[i+1])
		default:
			ts.Fatalf("authserver start: no flag %s", flags[i])
		}
	}
	return config
}

func duration(ts *testscript.TestScript, s string) time.Duration {
	d, err := time.ParseDuration(s)
	ts.Check(err)
	return d
}

// fault reads the name of a fault, with what belongs to it behind a colon: 503:30, not-ok:token_revoked,
// expires-in:"3600".
func (w *scriptWorld) fault(s string) (authserver.Fault, error) {
	name, arg, _ := strings.Cut(s, ":")
	simple := map[string]func() authserver.Fault{
		"hang": authserver.Hang, "reset-before": authserver.ResetBefore,
		"reset-after": authserver.ResetAfter, "html": authserver.HTML, "truncate": authserver.TruncateAfter,
		"half-json": authserver.HalfJSON, "form": authserver.FormEncoded,
		"no-refresh-token": authserver.OmitRefreshToken, "echo": w.echo,
	}
	if f := simple[name]; f != nil {
		return f(), nil
	}
	if status, err := strconv.Atoi(name); err == nil {
		return authserver.Status(status, arg), nil
	}
	switch name {
	case "error":
		status := 400
		if arg == "invalid_client" {
			status = 401
		}
		return authserver.OAuthError(status, arg), nil
	case "error-in-200":
		return authserver.ErrorIn200(arg), nil
	case "member": // member:NAME=VALUE adds a member to the answer
		name, value, _ := strings.Cut(arg, "=")
		return authserver.Edit("member", func(body map[string]any) { body[name] = value }), nil
	case "not-ok":
		return authserver.NotOK(arg), nil
	case "expires-in":
		if arg == "missing" {
			return authserver.OmitExpiresIn(), nil
		}
		return authserver.ExpiresIn(json.RawMessage(arg)), nil
	}
	return authserver.Fault{}, fmt.Errorf("there is no fault %q", s)
}

// echo is a server that repeats in its error what it was sent, refresh token included.
func (w *scriptWorld) echo() authserver.Fault {
	return authserver.Edit("echo", func(body map[string]any) {
		requests := w.auth.Requests()
		sent := requests[len(requests)-1].Form
		clear(body)
		body["error"] = "invalid_grant"
		body["error_description"] = "refused " + sent.Get("refresh_token") + " of " + sent.Get("client_secret") + " at noon"
	})
}
