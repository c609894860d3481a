package local

import (
	"time"

	"authsome"
	"authsome/internal/oauth"
)

// loginLife is what a record knows, besides RefreshExpiresAt, about how long its login lasts. It is worked out when a token
// comes, so that a list of connections need not read their definitions.
type loginLife struct {
	At     time.Time `json:"at,omitzero"`      // when a person logged in; zero in records of earlier versions
	EndsAt time.Time `json:"ends_at,omitzero"` // when the next login is needed, however often tokens are refreshed
	// Source and Confidence are about RefreshExpiresAt.
	Source authsome.LifeSource `json:"source,omitempty"`
	// Confidence is that of the definition in its lifetimes.
	Confidence string `json:"confidence,omitempty"`
	// Slides is set where a refresh is known to put RefreshExpiresAt off: by the definition, or because it did.
	Slides bool `json:"slides,omitempty"`
}

// takeLife works out how long the login lasts from a token that is about to be taken into the record.
func (c *connectionRecord) takeLife(token *oauth.Token, spec *authsome.OAuth) {
	life := &c.Login
	login := c.AccessToken.IsZero()
	if login {
		life.At = token.SentAt.UTC()
	}
	life.Confidence, life.EndsAt = spec.LifetimeConfidence, time.Time{}
	if spec.LoginExpiresIn > 0 && !life.At.IsZero() {
		life.EndsAt = life.At.Add(time.Duration(spec.LoginExpiresIn) * time.Second)
	}
	until := token.RefreshExpiresAt.UTC()
	switch {
	case token.RefreshLifeSaid:
		life.Slides = c.slidesTo(token, spec)
		life.Source = authsome.LifeFromProvider
		if token.RefreshExpiresAt.IsZero() {
			until = time.Time{} // it has said that there is no end
		}
	case token.RefreshExpiresAt.IsZero(), spec.RefreshLife == authsome.RefreshLifeFixed && !login:
		return // what was known still holds
	default:
		life.Source = authsome.LifeFromCatalogue
		life.Slides = slidesByDefinition(spec)
	}
	c.RefreshExpiresAt = until
}

// slidesByDefinition reports whether each refresh gives the login another lifetime, as documented.
func slidesByDefinition(spec *authsome.OAuth) bool {
	return spec.RefreshLife == authsome.RefreshLifeSliding || spec.RefreshLife == "" && spec.Rotation == authsome.RotationYes
}

// slidesTo reports whether refreshes put off the end that a provider names itself. Once there are two answers to compare,
// they show it, whatever the definition says.
func (c *connectionRecord) slidesTo(token *oauth.Token, spec *authsome.OAuth) bool {
	if c.Login.Source != authsome.LifeFromProvider || c.RefreshExpiresAt.IsZero() || token.RefreshExpiresAt.IsZero() {
		return slidesByDefinition(spec)
	}
	passed := token.SentAt.Sub(c.ObtainedAt)
	if passed < time.Minute { // too little to tell from rounding
		return c.Login.Slides
	}
	return token.RefreshExpiresAt.Sub(c.RefreshExpiresAt) > passed/2
}

// loginNeededBy returns when a person has to log in again unless something puts it off, and who says so; the zero time if
// nobody does.
func (c *connectionRecord) loginNeededBy() (time.Time, authsome.LifeSource) {
	switch {
	case !c.renewable():
		if c.ExpiresAt.IsZero() {
			return time.Time{}, ""
		}
		return c.ExpiresAt, authsome.LifeFromProvider
	case c.RefreshToken.IsZero():
		return time.Time{}, "" // the next token is asked for like the first
	case !c.Login.EndsAt.IsZero() && (c.RefreshExpiresAt.IsZero() || c.Login.EndsAt.Before(c.RefreshExpiresAt)):
		return c.Login.EndsAt, authsome.LifeFromCatalogue
	default:
		return c.RefreshExpiresAt, c.Login.Source
	}
}

// wholeLife returns how long the login had, or has since the last refresh, until it is needed again.
func (c *connectionRecord) wholeLife() time.Duration {
	by, _ := c.loginNeededBy()
	if by.Equal(c.Login.EndsAt) && !c.Login.At.IsZero() {
		return by.Sub(c.Login.At)
	}
	return by.Sub(c.ObtainedAt)
}

// keepAliveAt returns from when on a refresh is due although nobody needs the access token: when a quarter is left of a
// lifetime that disuse alone would end. It is zero where nothing is known of such a thing, or where a refresh would not help.
func (c *connectionRecord) keepAliveAt() time.Time {
	by, _ := c.loginNeededBy()
	if !c.Login.Slides || c.Invalid || c.RefreshToken.IsZero() || by.IsZero() || !by.Equal(c.RefreshExpiresAt) {
		return time.Time{}
	}
	return by.Add(-c.wholeLife() / 4)
}

// lapsing reports whether a refresh is due to keep the login.
func (c *connectionRecord) lapsing(now time.Time) bool {
	at := c.keepAliveAt()
	return !at.IsZero() && !now.Before(at)
}
