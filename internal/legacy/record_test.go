package legacy

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

func FuzzRecord(f *testing.F) {
	for _, seed := range []string{
		`{"schema_version": 2, "auth_type": "oauth2", "access_token": "SECRET", "expires_at": "2026-05-01T12:00:00.5Z"}`,
		`{"schema_version": 2, "auth_type": "api_key", "api_key": "SECRET", "obtained_at": "2026-05-01T12:00:00", "account": null}`,
		`{"schema_version": 2, "auth_type": ["SECRET"]}`, `{"schema_version": "SECRET"}`, `{}`, `null`, `[`, `"SECRET"`,
	} {
		f.Add("profile:default:acme:connection:a:b", []byte(seed))
	}
	f.Add("profile:p:x:client", []byte(`{"schema_version": 2, "client_id": "a", "client_secret": "SECRET"}`))
	f.Fuzz(func(t *testing.T, key string, plain []byte) {
		k, ok := parseRecordKey(key)
		if ok && (k.provider == "" || k.kind == kindConnection && k.name == "") {
			t.Errorf("the key %q gives %+v", key, k)
		}
		for _, out := range []any{new(connectionRecord), new(clientRecord), new(metadataRecord), new(stateRecord)} {
			err := decode(plain, out)
			if err != nil && strings.Contains(err.Error(), "SECRET") {
				t.Errorf("the error shows what is in the record: %v", err)
			}
			if rec, isConnection := out.(*connectionRecord); isConnection && err == nil {
				c, err := rec.connection(k)
				if err == nil && c.AccessToken.IsZero() && c.RefreshToken.IsZero() && c.APIKey.IsZero() {
					t.Errorf("a connection without a credential: %s", plain)
				}
			}
		}
	})
}

func TestMoments(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Time{
		`"2026-05-01T12:00:00Z"`:             time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC),
		`"2026-05-01T12:00:00.123456Z"`:      time.Date(2026, 5, 1, 12, 0, 0, 123456000, time.UTC),
		`"2026-05-01T14:00:00.5+02:00"`:      time.Date(2026, 5, 1, 12, 0, 0, 500000000, time.UTC),
		`"2026-05-01T12:00:00.123456"`:       time.Date(2026, 5, 1, 12, 0, 0, 123456000, time.UTC),
		`"2026-05-01 12:00:00.123456+00:00"`: time.Date(2026, 5, 1, 12, 0, 0, 123456000, time.UTC),
		`null`:                               {},
		`""`:                                 {},
	} {
		var got moment
		if err := json.Unmarshal([]byte(text), &got); err != nil || !got.Equal(want) || got.Location() != time.UTC {
			t.Errorf("%s: got %v, error %v", text, got.Time, err)
		}
	}
	for _, text := range []string{`"yesterday"`, `12`, `{}`} {
		if json.Unmarshal([]byte(text), new(moment)) == nil {
			t.Errorf("%s was taken for a time", text)
		}
	}
}
