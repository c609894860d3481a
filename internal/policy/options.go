package policy

import (
	"fmt"
	"slices"
)

// Entry is one restriction or choice as it was written, and where it stands: a flag, or a file and line.
type Entry struct{ Text, At string }

// Options are the restrictions and choices of one origin: the command line, or a file.
type Options struct {
	Connections []Entry // PROVIDER=CONNECTION, or PROVIDER=CONNECTION host/path
	Only        []Entry // PROVIDER
	Allow, Deny []Entry // see ParseRule
	Rates       []Entry // see ParseRate
	ReadOnly    string  // where it stands; empty: no
	Unmatched   Entry   // "allow", "deny" or empty
}

// Combine makes the configuration of everything that the origins restrict.
func Combine(origins ...Options) (Config, error) {
	var cfg Config
	for _, o := range origins {
		deny, err := parseRules(o.Deny)
		if err != nil {
			return Config{}, err
		}
		cfg.Deny = append(cfg.Deny, deny...)
		allow, err := parseRules(o.Allow)
		if err != nil {
			return Config{}, err
		}
		cfg.Allow = append(cfg.Allow, allow)
		for _, e := range o.Rates {
			r, err := ParseRate(e.Text, e.At)
			if err != nil {
				return Config{}, fmt.Errorf("%s: %w", e.At, err)
			}
			cfg.Rates = append(cfg.Rates, r)
		}
		if cfg.ReadOnly == "" {
			cfg.ReadOnly = o.ReadOnly
		}
		switch o.Unmatched.Text {
		case "", "allow":
		case "deny":
			if cfg.NoUnmatched == "" {
				cfg.NoUnmatched = o.Unmatched.At
			}
		default:
			return Config{}, fmt.Errorf("%s: what becomes of other hosts is allow or deny, not %q", o.Unmatched.At, o.Unmatched.Text)
		}
	}
	return cfg, nil
}

func parseRules(entries []Entry) ([]Rule, error) {
	var rules []Rule
	for _, e := range entries {
		r, err := ParseRule(e.Text, e.At)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", e.At, err)
		}
		rules = append(rules, r)
	}
	return rules, nil
}

// Permits reports whether every origin that names providers with Only names this one.
func Permits(provider string, origins ...Options) bool {
	for _, o := range origins {
		if len(o.Only) > 0 && !slices.ContainsFunc(o.Only, func(e Entry) bool { return e.Text == provider }) {
			return false
		}
	}
	return true
}
