package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"

	"authsome"
	"authsome/internal/atomicfile"
)

// config is config.json in the home. Members that this version does not know are kept when it is written.
type config struct {
	// DefaultProfile is what --profile means when it is not given.
	DefaultProfile authsome.ProfileName
	// HTTPTimeout bounds one request to a provider's endpoint, in seconds; 0 means 10.
	HTTPTimeout int64
	// Resolve gives addresses to hosts in place of DNS, as "host:port" to "address:port", for the proxy of run.
	Resolve map[string]string

	// ClientMetadataURL is where a document is published that describes this OAuth client, for servers that take such
	// URLs as client identifiers.
	ClientMetadataURL string
	// Agent says how the unlocked key is kept.
	Agent agentConfig

	// LogFile is what --log-file means when it is not given; nil for the debug log's own place, "" for nowhere.
	LogFile *string

	// AuditRequired says that a credential is not given away while its use cannot be put on record.
	AuditRequired bool
	// Notify is about telling a person of the state of a login.
	Notify notifyConfig

	path string
	all  map[string]json.RawMessage
}

// agentConfig is what the flags of the agent are, unless they are given.
type agentConfig struct {
	Timeout  int64 `json:"timeout_seconds"`
	Lifetime int64 `json:"lifetime_seconds"`
	Confirm  bool  `json:"confirm"`
	// Off means that no command starts an agent by itself.
	Off bool `json:"off"`
}

// Members of config.json.
const (
	configDefaultProfile = "default_profile"
	configHTTPTimeout    = "http_timeout_seconds"
	configResolve        = "resolve"
	configClientMetadata = "client_metadata_url"
	configAgent          = "agent"
	configLogFile        = "log_file"
	configAuditRequired  = "audit_required"
	configNotify         = "notify"
)

// readConfig reads a config file. One that does not exist is an empty one.
func readConfig(path string) (*config, error) {
	c := &config{path: path, all: make(map[string]json.RawMessage)}
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
	if err := json.Unmarshal(b, &c.all); err != nil {
		return nil, c.broken("it is not a JSON object", err)
	}
	for name, field := range map[string]any{
		configDefaultProfile: &c.DefaultProfile, configHTTPTimeout: &c.HTTPTimeout, configResolve: &c.Resolve,
		configAgent:          &c.Agent,
		configClientMetadata: &c.ClientMetadataURL, configAuditRequired: &c.AuditRequired, configNotify: &c.Notify,
		configLogFile: &c.LogFile,
	} {
		if raw, ok := c.all[name]; ok {
			if err := json.Unmarshal(raw, field); err != nil {
				return nil, c.broken(name, err)
			}
		}
	}
	return c, nil
}

func (c *config) broken(what string, err error) error {
	return &authsome.Error{
		Kind: authsome.KindUsage, Message: fmt.Sprintf("%s cannot be used: %s: %v", c.path, what, err),
		Hint: "correct it, or move it away to begin with the defaults", Err: err,
	}
}

// setDefaultProfile changes one member and writes the file anew.
func (c *config) setDefaultProfile(name authsome.ProfileName) error {
	raw, err := json.Marshal(name)
	if err != nil {
		return err
	}
	c.DefaultProfile, c.all[configDefaultProfile] = name, raw
	b, err := json.MarshalIndent(c.all, "", "  ")
	if err != nil {
		return err
	}
	return atomicfile.WriteFile(c.path, append(b, '\n'))
}
