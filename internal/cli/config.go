package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"

	"authsome"
	"authsome/internal/atomicfile"
	"authsome/internal/jsonfault"
)

// config is config.json in the home. Members that this version does not know are kept when it is written.
type config struct {
	// DefaultProfile is what --profile means when it is not given.
	DefaultProfile authsome.ProfileName `json:"default_profile"`
	// HTTPTimeout bounds one request to a provider's endpoint, in seconds; 0 means 10.
	HTTPTimeout int64 `json:"http_timeout_seconds"`
	// Resolve gives addresses to hosts in place of DNS, as "host:port" to "address:port", for the proxy of run.
	Resolve map[string]string `json:"resolve"`

	// ClientMetadataURL is where a document is published that describes this OAuth client, for servers that take such
	// URLs as client identifiers.
	ClientMetadataURL string `json:"client_metadata_url"`
	// Agent says how the unlocked key is kept.
	Agent agentConfig `json:"agent"`

	// LogFile is what --log-file means when it is not given; nil for the debug log's own place, "" for nowhere.
	LogFile *string `json:"log_file"`

	// AuditRequired says that a credential is not given away while its use cannot be put on record.
	AuditRequired bool `json:"audit_required"`
	// Notify is about telling a person of the state of a login.
	Notify notifyConfig `json:"notify"`

	path string
	doc  []byte // the file, of which what is not changed stays; empty if there is none
}

// configDefaultProfile is the member of config.json that this program changes.
const configDefaultProfile = "default_profile"

// agentConfig is what the flags of the agent are, unless they are given.
type agentConfig struct {
	Timeout  int64 `json:"timeout_seconds"`
	Lifetime int64 `json:"lifetime_seconds"`
	Confirm  bool  `json:"confirm"`
	// Off means that no command starts an agent by itself.
	Off bool `json:"off"`
}

// readConfig reads a config file. One that does not exist is an empty one.
func readConfig(path string) (*config, error) {
	c := &config{path: path}
	b, err := atomicfile.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return c, nil
	}
	if err != nil {
		return nil, &authsome.Error{
			Kind: authsome.KindVaultUnavailable, Message: fmt.Sprintf("read the configuration: %v", err), Err: err,
			Hint: "make it yours to read, or set AUTHSOME_HOME to a directory that is",
		}
	}
	if err := json.Unmarshal(b, c); err != nil {
		return nil, c.broken(jsonfault.Explain(b, err))
	}
	if string(bytes.TrimSpace(b)) == "null" { // which changes nothing
		return nil, c.broken("the document must be an object, and is null")
	}
	c.doc = b
	if err := c.check(); err != nil {
		return nil, c.broken(err.Error())
	}
	return c, nil
}

// maxConfigSeconds is more than any length of time that is meant, in seconds: ten years.
const maxConfigSeconds = 10 * 365 * 24 * 3600

// check says what cannot be meant, by the name of the member.
func (c *config) check() error {
	for _, m := range []struct {
		name    string
		seconds int64
	}{
		{"http_timeout_seconds", c.HTTPTimeout},
		{"agent.timeout_seconds", c.Agent.Timeout},
		{"agent.lifetime_seconds", c.Agent.Lifetime},
		{"notify.timeout_seconds", c.Notify.Timeout},
	} {
		if m.seconds < 0 || m.seconds > maxConfigSeconds {
			return fmt.Errorf("%s must be from 0 to %d, not %d", m.name, maxConfigSeconds, m.seconds)
		}
	}
	if c.DefaultProfile != "" {
		if err := c.DefaultProfile.Validate(); err != nil {
			return fmt.Errorf("default_profile: %w", err)
		}
	}
	return c.Notify.check()
}

func (c *config) broken(what string) error {
	return &authsome.Error{
		Kind: authsome.KindUsage, Message: fmt.Sprintf("%s cannot be used: %s", c.path, what),
		Hint: "correct it, or move it away to begin with the defaults",
	}
}

// setDefaultProfile changes one member and writes the file anew.
func (c *config) setDefaultProfile(name authsome.ProfileName) error {
	members := make(map[string]json.RawMessage)
	if len(c.doc) > 0 {
		if err := json.Unmarshal(c.doc, &members); err != nil {
			return err
		}
	}
	var err error
	if members[configDefaultProfile], err = json.Marshal(name); err != nil {
		return err
	}
	b, err := json.MarshalIndent(members, "", "  ")
	if err != nil {
		return err
	}
	c.DefaultProfile, c.doc = name, append(b, '\n')
	return atomicfile.WriteFile(c.path, c.doc)
}
