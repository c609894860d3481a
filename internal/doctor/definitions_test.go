package doctor

import (
	"path/filepath"
	"testing"

	"authsome/local"
)

func TestBrokenDefinitionFailsWithNamePathAndEveryProblem(t *testing.T) {
	t.Parallel()
	cfg := newHome(t)
	broken := filepath.Join(cfg.Home, local.ProvidersDir, "broken.json")
	write(t, broken, `{"schema_version": 1, "name": "broken", "display_name": "", "auth_type": "magic", "flow": "pkce"}`)
	torn := filepath.Join(cfg.Home, local.ProvidersDir, "torn.json")
	write(t, torn, `{"name": "torn"`)
	c := only(t, cfg, "definitions")["definitions"]
	mustContain(t, c.Detail, "broken: "+broken, "auth_type: ", "display_name: ", "torn: "+torn)
	mustContain(t, c.Hint, "authsome remove broken", "authsome remove torn")
}

func TestDefinitionsThatCannotBeListedFail(t *testing.T) {
	t.Parallel()
	cfg := Config{Home: filepath.Join(t.TempDir(), "home"), UserHome: t.TempDir()}
	write(t, filepath.Join(cfg.Home, local.ProvidersDir), "a file")
	for _, c := range Run(t.Context(), cfg) {
		if c.Name == "definitions" && c.OK {
			t.Errorf("%+v", c)
		}
	}
}
