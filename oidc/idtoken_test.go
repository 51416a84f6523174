package oidc_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/oidc"
	"github.com/gatehouse-go/gatehouse/oidc/oidctest"
)

func TestHMACOnlyWhereConfigured(t *testing.T) {
	secret := strings.Repeat("s", 32)
	providing := oidctest.Config{Algorithm: "HS256", Clients: []oidctest.Client{{ID: "app", Secret: secret}}}
	p := newParty(t, providing, func(c *oidc.Config) { c.ClientSecret = secret })
	if _, err := p.signIn(request); !errors.Is(err, oidc.ErrToken) {
		t.Errorf("not configured: %v", err)
	}
	p = newParty(t, providing, func(c *oidc.Config) { c.ClientSecret, c.SigningAlgs = secret, []string{"HS256"} })
	if _, err := p.signIn(request); err != nil {
		t.Errorf("configured: %v", err)
	}
	p.provider.OnIDToken(func(j *oidctest.JWT) { j.SignWith(oidctest.HMACKey("HS256", []byte("another"))) })
	if _, err := p.signIn(request); !errors.Is(err, oidc.ErrToken) {
		t.Errorf("another secret: %v", err)
	}
}

// TestIDToken: every check of OpenID Connect Core §3.1.3.7 and RFC 8725, by name.
func TestIDToken(t *testing.T) {
	p := newParty(t, oidctest.Config{}, nil)
	at := func(d time.Duration) int64 { return p.clock().Add(d).Unix() }
	stranger := oidctest.NewKey("RS256")
	for _, c := range []struct {
		name   string
		change func(*oidctest.JWT)
		says   string // "": accepted
	}{
		{"honest", func(*oidctest.JWT) {}, ""},
		{"iss of another", func(j *oidctest.JWT) { j.Claims["iss"] = "https://evil.example" }, "iss"},
		{"iss with a slash more", func(j *oidctest.JWT) { j.Claims["iss"] = p.provider.Issuer() + "/" }, "iss"},
		{"no iss", func(j *oidctest.JWT) { delete(j.Claims, "iss") }, "iss"},
		{"iss in another case", func(j *oidctest.JWT) { j.Claims["Iss"] = j.Claims["iss"]; delete(j.Claims, "iss") }, "iss"},
		{"aud of another", func(j *oidctest.JWT) { j.Claims["aud"] = "other" }, "aud"},
		{"aud that contains the name", func(j *oidctest.JWT) { j.Claims["aud"] = "app2" }, "aud"},
		{"no aud", func(j *oidctest.JWT) { delete(j.Claims, "aud") }, "aud"},
		{"aud in another case", func(j *oidctest.JWT) { j.Claims["AUD"] = j.Claims["aud"]; delete(j.Claims, "aud") }, "aud"},
		{"aud of a client in another case", func(j *oidctest.JWT) { j.Claims["aud"] = "APP" }, "aud"},
		{"aud a list", func(j *oidctest.JWT) { j.Claims["aud"] = []string{"app"} }, ""},
		{"aud an empty list", func(j *oidctest.JWT) { j.Claims["aud"] = []string{} }, "aud"},
		{"aud with a number", func(j *oidctest.JWT) { j.Claims["aud"] = []any{"app", 1} }, "aud"},
		{"several aud, no azp", func(j *oidctest.JWT) { j.Claims["aud"] = []string{"app", "api"} }, "azp"},
		{"several aud, our azp", func(j *oidctest.JWT) { j.Claims["aud"] = []string{"app", "api"}; j.Claims["azp"] = "app" }, ""},
		{"azp of another", func(j *oidctest.JWT) { j.Claims["azp"] = "other" }, "azp"},
		{"azp no string", func(j *oidctest.JWT) { j.Claims["azp"] = []string{"app"} }, "azp"},
		{"our azp", func(j *oidctest.JWT) { j.Claims["azp"] = "app" }, ""},
		{"no sub", func(j *oidctest.JWT) { delete(j.Claims, "sub") }, "sub"},
		{"empty sub", func(j *oidctest.JWT) { j.Claims["sub"] = "" }, "sub"},
		{"sub a number", func(j *oidctest.JWT) { j.Claims["sub"] = 7 }, "sub"},
		{"endless sub", func(j *oidctest.JWT) { j.Claims["sub"] = strings.Repeat("a", 256) }, "sub is missing or no identifier"},
		{"no exp", func(j *oidctest.JWT) { delete(j.Claims, "exp") }, "exp"},
		{"exp a string", func(j *oidctest.JWT) { j.Claims["exp"] = "2030" }, "exp"},
		{"exp infinite", func(j *oidctest.JWT) { j.Claims["exp"] = 1e300 }, "exp"},
		{"exp beyond all times", func(j *oidctest.JWT) { j.Claims["exp"] = int64(1) << 62 }, "exp is no time"},
		{"exp in another case", func(j *oidctest.JWT) { j.Claims["Exp"] = j.Claims["exp"]; delete(j.Claims, "exp") }, "exp"},
		{"iat before all times", func(j *oidctest.JWT) { j.Claims["iat"] = -1 }, "iat is no time"},
		{"expired 59 s ago", func(j *oidctest.JWT) { j.Claims["exp"] = at(-59 * time.Second) }, ""},
		{"expired 60 s ago", func(j *oidctest.JWT) { j.Claims["exp"] = at(-60 * time.Second) }, "exp"},
		{"no iat", func(j *oidctest.JWT) { delete(j.Claims, "iat") }, "iat"},
		{"iat in 60 s", func(j *oidctest.JWT) { j.Claims["iat"] = at(60 * time.Second) }, ""},
		{"iat in 61 s", func(j *oidctest.JWT) { j.Claims["iat"] = at(61 * time.Second) }, "iat"},
		{"nbf in 60 s", func(j *oidctest.JWT) { j.Claims["nbf"] = at(60 * time.Second) }, ""},
		{"nbf in 61 s", func(j *oidctest.JWT) { j.Claims["nbf"] = at(61 * time.Second) }, "nbf"},
		{"nbf no number", func(j *oidctest.JWT) { j.Claims["nbf"] = true }, ""}, // refused, see below
		{"nonce of another", func(j *oidctest.JWT) { j.Claims["nonce"] = "other" }, "nonce"},
		{"no nonce", func(j *oidctest.JWT) { delete(j.Claims, "nonce") }, "nonce"},
		{"nonce in another case", func(j *oidctest.JWT) { delete(j.Claims, "nonce"); j.Claims["Nonce"] = request.Nonce }, "nonce"},
		{"at_hash of another", func(j *oidctest.JWT) { j.Claims["at_hash"] = "AAAAAAAAAAAAAAAAAAAAAA" }, "at_hash"},
		{"at_hash empty", func(j *oidctest.JWT) { j.Claims["at_hash"] = "" }, "at_hash"},
		{"at_hash no string", func(j *oidctest.JWT) { j.Claims["at_hash"] = nil }, "at_hash"},
		{"no at_hash", func(j *oidctest.JWT) { delete(j.Claims, "at_hash") }, ""},
		{"sub twice", func(j *oidctest.JWT) { j.Append("sub", "mallory") }, "twice"},
		{"Sub beside sub", func(j *oidctest.JWT) { j.Append("Sub", "mallory") }, ""},
		{"ISS beside iss", func(j *oidctest.JWT) { j.Append("ISS", "https://evil.example") }, "issuer"},
		{"not JSON", func(j *oidctest.JWT) { j.Payload = []byte("hello") }, ""}, // refused, see below
		{"trailing data", func(j *oidctest.JWT) { j.Payload = append(mustJSON(t, j.Claims), "{}"...) }, ""},
		{"a logout token", func(j *oidctest.JWT) {
			j.Claims["events"] = map[string]any{"http://schemas.openid.net/event/backchannel-logout": map[string]any{}}
		}, "logout token"},
		{"typ logout+jwt", func(j *oidctest.JWT) { j.Header["typ"] = "logout+jwt" }, "typ"},
		{"typ at+jwt", func(j *oidctest.JWT) { j.Header["typ"] = "at+jwt" }, "typ"},
		{"typ jwt", func(j *oidctest.JWT) { j.Header["typ"] = "jwt" }, ""},
		{"no typ", func(j *oidctest.JWT) { delete(j.Header, "typ") }, ""},
		{"unknown crit", func(j *oidctest.JWT) { j.Header["crit"] = []string{"x"}; j.Header["x"] = 1 }, "crit"},
		{"empty crit", func(j *oidctest.JWT) { j.Header["crit"] = []string{} }, "crit"},
		{"alg none", func(j *oidctest.JWT) { j.Unsigned() }, "algorithm"},
		{"alg None", func(j *oidctest.JWT) { j.Unsigned(); j.Header["alg"] = "None" }, "algorithm"},
		{"no signature", func(j *oidctest.JWT) { j.Key = nil }, "signature"},
		{"HMAC with the public key", func(j *oidctest.JWT) { j.SignWith(oidctest.HMACKey("HS256", rsaKey().PublicPEM())) }, "algorithm"},
		{"HMAC with the client secret", func(j *oidctest.JWT) { j.SignWith(oidctest.HMACKey("HS256", []byte(clientSecret))) }, "algorithm"},
		{"a stranger's key under our kid", func(j *oidctest.JWT) { j.Key = stranger }, "signature"},
		{"a stranger's key under its kid", func(j *oidctest.JWT) { j.SignWith(stranger) }, "unknown key"},
		{"a stranger's key, brought along", func(j *oidctest.JWT) { j.SignWith(stranger); j.Header["jwk"] = stranger.JWK() }, "unknown key"},
		{"a stranger's key, by address", func(j *oidctest.JWT) { j.SignWith(stranger); j.Header["jku"] = "https://evil.example" }, "unknown key"},
		{"harmless jku, x5u, jwk", func(j *oidctest.JWT) {
			j.Header["jku"], j.Header["x5u"], j.Header["jwk"] = "https://evil.example", "https://evil.example", stranger.JWK()
		}, ""},
		{"no kid", func(j *oidctest.JWT) { delete(j.Header, "kid") }, ""},
		{"kid a number", func(j *oidctest.JWT) { j.Header["kid"] = 7 }, "kid"},
		{"auth_time without max_age", func(j *oidctest.JWT) { j.Claims["auth_time"] = "long ago" }, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			defer p.provider.OnIDToken(c.change)()
			grant, err := p.signIn(request)
			refused := c.says != "" || slices.Contains([]string{"nbf no number", "not JSON", "trailing data"}, c.name)
			if !refused {
				if err != nil {
					t.Errorf("refused: %v", err)
				}
				return
			}
			if !errors.Is(err, oidc.ErrToken) || grant != nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v, want a refusal that says %q", err, c.says)
			}
		})
	}
}

func TestAuthTime(t *testing.T) {
	hour := time.Hour
	withMaxAge := request
	withMaxAge.MaxAge = &hour
	p := newParty(t, oidctest.Config{}, nil)
	for _, c := range []struct {
		name    string
		ago     any
		refused bool
	}{
		{"just now", time.Duration(0), false},
		{"an hour and a minute ago", hour + time.Minute, false},
		{"longer ago", hour + 61*time.Second, true},
		{"absent", nil, true},
		{"no number", "x", true},
	} {
		remove := p.provider.OnIDToken(func(j *oidctest.JWT) {
			switch ago := c.ago.(type) {
			case time.Duration:
				j.Claims["auth_time"] = p.clock().Add(-ago).Unix()
			case nil:
				delete(j.Claims, "auth_time")
			default:
				j.Claims["auth_time"] = ago
			}
		})
		if _, err := p.signIn(withMaxAge); errors.Is(err, oidc.ErrToken) != c.refused {
			t.Errorf("%s: %v", c.name, err)
		}
		remove()
	}
}
