package local

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"authsome"
)

// Reasons of failures that no server gave.
const (
	reasonNoRefreshToken  = "no refresh token"
	reasonExpired         = "expired"
	reasonEndpointChanged = "token endpoint changed"
	reasonNoClient        = "no client registered"
	reasonLockHeld        = "another process is refreshing"
)

// failure describes why the record could not be renewed, in words that scripts look for.
func (c *connectionRecord) failure() *authsome.Error {
	reason := c.Refresh.Reason
	if reason == "" {
		reason = reasonExpired
		if !c.renewable() {
			reason = reasonNoRefreshToken
		}
	}
	return &authsome.Error{
		Kind: authsome.KindRefreshFailed, Ref: c.ref, Reason: reason,
		Message: fmt.Sprintf("refresh failed for %s: %s", c.ref, reason),
		Hint:    c.remedy(reason),
	}
}

// remedy returns the command that mends a failure.
func (c *connectionRecord) remedy(reason string) string {
	login := "authsome login " + c.arguments() + " --force"
	switch {
	case c.Refresh.RefusedClient != "" && !c.DynamicClient:
		return login + " asks for client_id and client_secret again"
	case c.Invalid && c.Refresh.AnswerLost:
		return login + " (an answer was lost; the provider may have rotated the token with it)"
	case c.Invalid, !c.renewable():
		return login
	case reason == reasonEndpointChanged, reason == reasonNoClient:
		return login
	default:
		return fmt.Sprintf("authsome get %s --field status tries again", c.arguments())
	}
}

// Arguments names a connection in a command the way a person would type it: the provider, and flags for what is not the default.
func Arguments(ref authsome.Ref) string { return arguments(ref, false) }

// ArgumentsOf is Arguments for a connection that is known: one that is called default must be named where another one is meant
// when none is, or the command would be about that.
func ArgumentsOf(c authsome.Connection) string { return arguments(c.Ref, !c.Default) }

func (c *connectionRecord) arguments() string { return arguments(c.ref, c.passedOver) }

func (h *holding) arguments(ref authsome.Ref) string { return arguments(ref, h.passesOver(ref)) }

// passesOver reports whether a connection is called default and another one is meant when none is named.
func (h *holding) passesOver(ref authsome.Ref) bool {
	return ref.Connection == authsome.DefaultConnection && h.defaultConnection() != authsome.DefaultConnection
}

func arguments(ref authsome.Ref, named bool) string {
	args := string(ref.Provider)
	if ref.Connection != "" && (named || ref.Connection != authsome.DefaultConnection) {
		args += " --connection " + string(ref.Connection)
	}
	return args + profileFlag(ref.Profile)
}

// profileFlag names a profile that is not the default.
func profileFlag(profile authsome.ProfileName) string {
	if profile == "" || profile == authsome.DefaultProfile {
		return ""
	}
	return " --profile " + string(profile)
}

func sortedNames[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }

func joinNames[T ~string](names []T) string {
	var b strings.Builder
	for i, n := range names {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(string(n))
	}
	return b.String()
}
