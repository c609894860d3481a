package oauth

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"authsome"
)

// IDToken returns the claims of the token answer's ID token, OpenID Connect Core section 3.1.3.7. They count only when
// the token is from the issuer, for the client, not expired, and has the nonce that was sent. Its signature is not looked
// at: it came from the token endpoint over TLS, which that section allows.
func (t *Token) IDToken(issuer, clientID, nonce string, now time.Time) (Answer, error) {
	jwt := t.members().text("id_token")
	if jwt == "" {
		return Answer{}, errors.New("there is no ID token")
	}
	claims, err := parseClaims(jwt)
	if err != nil {
		return Answer{}, err
	}
	audience := claims.texts("aud")
	if one := claims.text("aud"); one != "" {
		audience = []string{one}
	}
	expires, known := instant(claims["exp"])
	switch {
	case issuer == "" || claims.text("iss") != issuer:
		return Answer{}, errors.New("the ID token is from another issuer")
	case !slices.Contains(audience, clientID):
		return Answer{}, errors.New("the ID token is for another client")
	case len(audience) > 1 && claims.text("azp") != clientID:
		return Answer{}, errors.New("the ID token was issued to another client")
	case !known || !now.Before(expires):
		return Answer{}, errors.New("the ID token has expired")
	case claims.text("nonce") != nonce:
		return Answer{}, errors.New("the ID token is not the answer to this login")
	}
	return Answer{claims}, nil
}

// parseClaims reads the payload of a JWT.
func parseClaims(jwt string) (members, error) {
	parts := strings.Split(jwt, ".")
	if len(parts) != 3 {
		return nil, errors.New("the ID token is no JWT")
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return nil, errors.New("the ID token is no JWT")
	}
	claims, err := decodeJSON(payload)
	if err != nil {
		return nil, errors.New("the ID token is no JWT")
	}
	return claims, nil
}

// Answer returns the token endpoint's answer without the tokens.
func (t *Token) Answer() Answer {
	m := t.members()
	for _, name := range []string{"access_token", "refresh_token", "id_token"} {
		delete(m, name)
	}
	return Answer{m}
}

// sealAnswer keeps an answer, tokens and all, from being shown by accident.
func sealAnswer(m members) authsome.Secret {
	b, _ := json.Marshal(m) // it was JSON, or a form
	return authsome.NewSecret(string(b))
}

func (t *Token) members() members {
	m, err := decodeJSON([]byte(t.answer.Reveal()))
	if err != nil {
		return nil
	}
	return m
}

// Answer is a JSON object that a server has sent.
type Answer struct{ members members }

// ParseAnswer reads a JSON object, or an array as the object whose members are its elements by number.
func ParseAnswer(body []byte) (Answer, error) {
	var array []any
	if json.Unmarshal(body, &array) == nil {
		m := make(members, len(array))
		for i, v := range array {
			m[strconv.Itoa(i)] = v
		}
		return Answer{m}, nil
	}
	m, err := decodeJSON(body)
	return Answer{m}, err
}

// Member returns the text or the number at a path of member names joined by dots, where a number stands for an element of
// an array. It is empty when there is none.
func (a Answer) Member(path string) string {
	switch v := a.members.follow(path).(type) {
	case string:
		return printable(v)
	case json.Number:
		return v.String()
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	default:
		return ""
	}
}

// Member returns a member of the token endpoint's answer, see [Answer.Member]. The tokens themselves cannot be had this way.
func (t *Token) Member(path string) string {
	first, _, _ := strings.Cut(path, ".")
	switch first {
	case "access_token", "refresh_token", "id_token":
		return ""
	}
	return Answer{t.members()}.Member(path)
}
