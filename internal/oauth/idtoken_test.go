package oauth

import (
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"authsome"
)

// Whatever an ID token is made of: what counts is for us, from the issuer, of now, and the answer to this login.
func FuzzIDToken(f *testing.F) {
	now := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	jwt := func(claims string) string {
		return "e30." + base64.RawURLEncoding.EncodeToString([]byte(claims)) + ".c2ln"
	}
	for _, claims := range []string{
		`{"iss":"https://i.test","aud":"c","exp":1795611600,"nonce":"n","sub":"7"}`,
		`{"iss":"https://i.test","aud":["c"],"exp":1795611600.5,"nonce":"n"}`,
		`{"iss":"https://i.test","aud":["c","d"],"azp":"c","exp":"1795611600","nonce":"n"}`,
		`{"iss":"https://i.test","aud":["d","c"],"exp":1795611600,"nonce":"n"}`,
		`{"iss":"https://i.test","aud":"c","exp":1,"nonce":"n"}`, `{"iss":["https://i.test"],"aud":{"c":1},"exp":{},"nonce":null}`,
		`{"iss":"https://i.test","aud":"c","exp":1795611600,"nonce":"of another login"}`,
		`{"iss":"https://other.test","aud":"c","exp":1795611600,"nonce":"n"}`,
		`{"iss":"https://i.test","aud":["d","c"],"azp":"d","exp":1795611600,"nonce":"n"}`,
		`[]`, `null`, `{"iss":"https://i.test","iss":"x","aud":"c","exp":1e400,"nonce":"n"}`,
	} {
		f.Add(jwt(claims))
	}
	f.Add("..")
	f.Add("a.b")
	f.Fuzz(func(t *testing.T, idToken string) {
		answer, err := json.Marshal(map[string]string{"id_token": idToken})
		if err != nil {
			t.Skip()
		}
		token := &Token{answer: authsome.NewSecret(string(answer))}
		said, err := token.IDToken("https://i.test", "c", "n", now)
		if err != nil {
			if strings.Contains(err.Error(), idToken) && idToken != "" && len(idToken) > 3 {
				t.Errorf("the error repeats the token: %v", err)
			}
			return
		}
		aud := said.members.texts("aud")
		if one := said.Member("aud"); one != "" {
			aud = []string{one}
		}
		if said.Member("iss") != "https://i.test" || said.Member("nonce") != "n" || !slices.Contains(aud, "c") {
			t.Errorf("accepted: %s", said.members)
		}
		if expires, known := instant(said.members["exp"]); !known || !expires.After(now) {
			t.Errorf("accepted after its end: %s", said.members)
		}
		if len(aud) > 1 && said.Member("azp") != "c" {
			t.Errorf("accepted although issued to another: %s", said.members)
		}
	})
}

func TestOnlyGooglesFormerAddressesStandForTodays(t *testing.T) {
	t.Parallel()
	for at, want := range map[string]bool{
		"https://accounts.google.com/o/oauth2/token":           true,
		"https://www.googleapis.com/oauth2/v4/token":           true,
		"https://accounts.google.com.evil.test/o/oauth2/token": false,
		"http://accounts.google.com/o/oauth2/token":            false,
		"https://accounts.google.com/o/oauth2/token?x":         false,
		"": false,
	} {
		s := &ServiceAccount{TokenURL: at}
		if got := s.NamesOldEndpoint("https://oauth2.googleapis.com/token"); got != want {
			t.Errorf("%q: got %v", at, got)
		}
		if s.NamesOldEndpoint("https://acme.test/token") {
			t.Errorf("%q stands for the endpoint of somebody else", at)
		}
	}
}
