package attack_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"authsome/internal/sigv4"
)

// 20: a body that the proxy has to read whole, and that is larger than it reads.
func oversizeBody(t *testing.T) {
	w := newWorld(t, setup{})
	const host = "s3.eu-central-1.amazonaws.com"
	w.home.Env = append(w.home.Env, "AWS_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY",
		"AWS_REGION=eu-central-1")
	w.home.Must(t, "login", "aws")
	aws := serve(t, w.ca, host, nil)
	w.resolve(host+":443", aws)
	r := w.run(t)
	for _, test := range []struct{ size, status int }{
		{sigv4.MaxBody, http.StatusOK}, {sigv4.MaxBody + 1, http.StatusRequestEntityTooLarge}, {2 * sigv4.MaxBody, http.StatusRequestEntityTooLarge},
	} {
		body := strings.Repeat("x", test.size)
		a := fetch(t, r.transport(t, true), "PUT", "https://"+host+"/bucket/key", strings.NewReader(body), nil)
		a.expect(t, fmt.Sprint(test.size, " bytes"), test.status)
	}
	if n := aws.got(t); len(n.Body) != sigv4.MaxBody {
		t.Errorf("%d bytes arrived", len(n.Body))
	}
}
