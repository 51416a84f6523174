package gatehouse

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/cookie"
	"github.com/gatehouse-go/gatehouse/internal/loopback"
	"github.com/gatehouse-go/gatehouse/internal/origin"
)

// FuzzConfigFromEnv: an environment makes a configuration or a list of its mistakes,
// which names variables and shows no secret.
func FuzzConfigFromEnv(f *testing.F) {
	f.Fuzz(func(t *testing.T, issuer, id, secret, base, keys, flag string) {
		for name, value := range map[string]string{
			"OIDC_ISSUER": issuer, "OIDC_CLIENT_ID": id, "OIDC_CLIENT_SECRET": secret, "BASE_URL": base, "SESSION_KEYS": keys,
			"OIDC_SKIP_CONSENT": flag, "OIDC_DPOP": flag, "OIDC_PAR": flag, "API_AUDIENCE": id, "API_ISSUERS": issuer, "OIDC_SCOPES": id, "OIDC_PROMPT": flag,
		} {
			if strings.ContainsRune(value, 0) {
				return // which no environment holds
			}
			t.Setenv(name, value)
		}
		config, err := ConfigFromEnv()
		said := config.redacted()
		if err == nil {
			var gate *Gate
			if gate, err = New(config); err == nil {
				_ = gate.Close()
				if issuer == "" || id == "" || base == "" || len(config.SessionKeys) == 0 {
					t.Errorf("a gate of %s", said)
				}
				return
			}
		}
		said += err.Error()
		for what, hidden := range map[string]string{"OIDC_CLIENT_SECRET": secret, "SESSION_KEYS": keys} {
			if len(hidden) >= 16 && strings.Contains(said, hidden) && !strings.Contains(issuer+id+base+flag, hidden) {
				t.Errorf("%s is in: %s", what, said)
			}
		}
		for part := range strings.SplitSeq(keys, ",") {
			if part = strings.TrimSpace(part); len(part) >= 16 && strings.Contains(said, part) && !strings.Contains(issuer+id+base+flag, part) {
				t.Errorf("a session key is in: %s", said)
			}
		}
	})
}

// FuzzConfig: where a configuration is accepted, every address that is built from it
// is of the application's origin, and every cookie of its host alone.
func FuzzConfig(f *testing.F) {
	keys, err := cookie.ParseKeys(fuzzKey)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, base, authPath, after, trusted, name string) {
		gate, err := New(Config{
			Issuer: fuzzIssuer, ClientID: "app", BaseURL: base, SessionKeys: keys, AuthPath: authPath, AfterLogin: after, AfterLogout: after,
			TrustedOrigins: []string{trusted}, CookieName: name, Clock: func() time.Time { return time.Unix(1_800_000_000, 0) },
		})
		if err != nil {
			if gate != nil || !strings.Contains(err.Error(), ": ") {
				t.Errorf("%v with %v", gate, err)
			}
			return
		}
		defer gate.Close()
		checkOriginOf(t, base, gate.config.BaseURL)
		u, err := url.Parse(gate.redirectURI())
		if err != nil || origin.Of(u) != gate.config.BaseURL || u.RawQuery != "" || u.Fragment != "" || u.Path != gate.config.AuthPath+"/callback" {
			t.Errorf("%q and %q make the redirect URI %q", base, authPath, gate.redirectURI())
		}
		for _, page := range []string{gate.config.AfterLogin, gate.config.AfterLogout, gate.loginPath("/x"), gate.local("//x")} {
			if !returnsHere(page) {
				t.Errorf("%q, %q and %q lead to %q", base, authPath, after, page)
			}
		}
		host := strings.HasPrefix(gate.config.BaseURL, "https:")
		if strings.HasPrefix(gate.sessions.Name(), "__Host-") != host || strings.ContainsAny(gate.sessions.Name(), "=;, \r\n") {
			t.Errorf("the cookie is called %q", gate.sessions.Name())
		}
	})
}

// returnsHere is local for what a configuration may spell with foreign characters.
func returnsHere(page string) bool {
	return strings.HasPrefix(page, "/") && !strings.HasPrefix(page, "//") && !strings.ContainsAny(page, "\\\r\n\t")
}

// checkOriginOf fails the test unless an origin is written in the one way, and may be
// called.
func checkOriginOf(t *testing.T, text, its string) {
	t.Helper()
	u, err := url.Parse(its)
	if err != nil || origin.Of(u) != its || u.Host == "" || u.User != nil || u.Path != "" || u.RawQuery != "" || u.Fragment != "" ||
		u.Scheme != "https" && (u.Scheme != "http" || !loopback.Host(u.Hostname())) {
		t.Fatalf("%q is the origin %q, %v", text, its, err)
	}
}

// FuzzOrigins: what counts as an origin of ours, or as one of a service that gets
// tokens, is an origin and nothing more, however it is spelt.
func FuzzOrigins(f *testing.F) {
	f.Fuzz(func(t *testing.T, text string) {
		if its, err := checkOrigin("Field", text); err == nil {
			checkOriginOf(t, text, its)
			if again, err := checkOrigin("Field", its); err != nil || again != its {
				t.Fatalf("%q is %q, and that is %q, %v", text, its, again, err)
			}
		}
		if its, err := calledOrigin(text, false); err == nil {
			checkOriginOf(t, text, its)
			if again, err := calledOrigin(its, false); err != nil || again != its {
				t.Fatalf("%q is %q, and that is %q, %v", text, its, again, err)
			}
		}
	})
}
