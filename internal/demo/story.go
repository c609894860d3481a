package demo

import (
	"context"
	"net/http"
	"os/exec"
	"runtime"

	"authsome/internal/authserver"
)

// story is the demo, in order.
func story() []step {
	return []step{
		{"Register Acme: a provider is one JSON document", register},
		{"Log in, once, in the browser", logIn},
		{"Look at the connection: secrets stay covered", look},
		{"The access token expires: the next call renews it", expire},
		{"The next one expires while Acme is down: an error, but no login is lost", surviveOutage},
		{"Run a program: it holds a placeholder, the API sees the token", run},
		{"The app is removed at Acme: authsome says so once, and one command heals it", heal},
		{"Read what happened", readLog},
		{"Revoke: Acme takes the tokens back, this computer forgets them", revoke},
		{"Leave nothing behind", leave},
	}
}

func register(ctx context.Context, sc *scene) string {
	sc.authsome(ctx, "register", definitionFile).exits(0).prints("registered acme")
	return "the definition was checked and stored"
}

func logIn(ctx context.Context, sc *scene) string {
	sc.out.note("a scripted browser presses Approve; $" + envClientID + " and $" + envSecret + " are set")
	client := []string{envClientID + "=" + clientID, envSecret + "=" + sc.secret}
	sc.authsomeWith(ctx, client, "login", "acme").exits(0).line("connected to acme (default)")
	challenges, codes := sc.challenges(), sc.auth.TokenRequests(grantCode)
	sc.expect(challenges == 1 && codes == 1, "Acme saw %d code challenges and %d codes, not one of each", challenges, codes)
	return "Acme saw one authorization request with PKCE and exchanged one code"
}

func look(ctx context.Context, sc *scene) string {
	sc.authsome(ctx, "get", "acme").exits(0).line("status connected").
		line("access_token ***REDACTED***").line("refresh_token ***REDACTED***")
	return "both tokens are there, and neither is shown"
}

func expire(ctx context.Context, sc *scene) string {
	sc.expire(ctx)
	before := sc.auth.TokenRequests(grantRefresh)
	sc.authsome(ctx, "get", "acme", "--field", "status").exits(0).line("connected")
	renewals := sc.auth.TokenRequests(grantRefresh) - before
	sc.expect(renewals == 1, "Acme was asked for %d new tokens instead of one", renewals)
	return "one refresh, and the connection is good again"
}

func surviveOutage(ctx context.Context, sc *scene) string {
	sc.expire(ctx)
	sc.auth.Inject(authserver.Status(http.StatusServiceUnavailable, ""))
	sc.authsome(ctx, "get", "acme", "--field", "access_token", "--show-secret").exits(6).
		line("Error: refresh failed for acme (default): server error (HTTP 503)")
	sc.out.note("Acme is back")
	sc.authsome(ctx, "get", "acme", "--field", "status").exits(0).line("connected")
	return "the outage was reported as one, and the next call recovered by itself"
}

func run(ctx context.Context, sc *scene) string {
	o := sc.authsome(ctx, append([]string{"run", "--"}, sc.printVariable(envToken)...)...).exits(0).line(placeholder)
	sc.expect(!sc.leaks(o.text), "the program was given a secret")
	sc.callAPI(ctx)
	return "the program never had the token, and Acme's API accepted its request"
}

// callAPI lets a program behind the proxy call the API.
func (sc *scene) callAPI(ctx context.Context) {
	before := len(sc.tokens())
	args := []string{"run", "--resolve", apiHost + ":443:" + sc.apiAt, "--"}
	sc.authsome(ctx, append(args, sc.fetcher("https://"+apiHost+"/me")...)...).exits(0).prints(account)
	tokens := sc.tokens()
	sc.expect(len(tokens) > before, "the API got no request")
	sc.expect(len(tokens) == 0 || tokens[len(tokens)-1] != placeholder, "the API was sent the placeholder")
}

func heal(ctx context.Context, sc *scene) string {
	sc.auth.RevokeAll()
	sc.expire(ctx)
	before := sc.auth.TokenRequests()
	sc.authsome(ctx, "get", "acme", "--field", "access_token", "--show-secret").exits(6).
		line("Error: refresh failed for acme (default): invalid_grant").line("hint: authsome login acme --force")
	sc.authsome(ctx, "get", "acme", "--field", "status").exits(0).line("invalid")
	asked := sc.auth.TokenRequests() - before
	sc.expect(asked == 1, "Acme was asked for a token %d times instead of once", asked)
	sc.auth.SetAccessTokenLifetime(longLife)
	sc.authsome(ctx, "login", "acme", "--force").exits(0).line("connected to acme (default)")
	sc.callAPI(ctx)
	sc.expect(sc.accepted(), "the API does not accept the new token")
	return "Acme refused once and was not asked again; after the new login its API answers"
}

func readLog(ctx context.Context, sc *scene) string {
	sc.authsome(ctx, "log", "-n", "50").exits(0).
		prints("login", "refresh", "server error (HTTP 503)", "invalid_grant", "inject", "host="+apiHost)
	sc.expectNoSecretOnDisk()
	sc.expect(!sc.leaks(sc.out.written.String()), "this transcript has a secret in it")
	return "logins, refreshes, failures, injections: all there. No secret in any file, nor in this transcript"
}

func revoke(ctx context.Context, sc *scene) string {
	sc.expect(sc.accepted(), "the API did not accept the token any more")
	sc.authsome(ctx, "revoke", "acme").exits(0).line("revoked acme (default)")
	sc.expect(!sc.accepted(), "the API still accepts the token")
	sc.authsome(ctx, "get", "acme").exits(5).prints("not connected to acme")
	return "the API refuses the token from now on"
}

// printVariable is a command that prints a variable of its environment: the system's shell, if there is one.
func (s *stage) printVariable(name string) []string {
	if runtime.GOOS == "windows" {
		return []string{"cmd", "/c", "echo %" + name + "%"}
	}
	if _, err := exec.LookPath("sh"); err == nil {
		return []string{"sh", "-c", "echo $" + name}
	}
	return append(append([]string{s.cfg.Executable}, s.helper("variable")...), name)
}

// fetcher is a command that prints what an address answers: the system's curl if it can be told whom to trust.
func (s *stage) fetcher(address string) []string {
	if _, err := exec.LookPath("curl"); err == nil && runtime.GOOS != "windows" {
		return []string{"curl", "-s", address}
	}
	return append(append([]string{s.cfg.Executable}, s.helper("fetch")...), address)
}
