package oidc_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/oidc"
	"github.com/gatehouse-go/gatehouse/oidc/oidctest"
)

const redirectURL = "https://app.example.com/auth/callback"

// party is a relying party, its provider, and the clock of both.
type party struct {
	*testing.T
	provider *oidctest.Server
	client   *oidc.Client
	http     *http.Client // that reaches the provider
	log      *bytes.Buffer
	mu       sync.Mutex
	now      time.Time
}

func (p *party) clock() time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.now
}

func (p *party) advance(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.now = p.now.Add(d)
}

var rsaKey = sync.OnceValue(func() *oidctest.Key { return oidctest.NewKey("RS256") })

func newParty(t *testing.T, providing oidctest.Config, change func(*oidc.Config)) *party {
	t.Helper()
	p := &party{T: t, http: http.DefaultClient}
	providing.RefreshTokens = oidctest.RefreshAlways
	if providing.Algorithm == "" && providing.Keys == nil {
		providing.Keys = []*oidctest.Key{rsaKey()}
	}
	p.provider = oidctest.NewServer(t, providing)
	p.begin(change)
	return p
}

// begin signs somebody in at the provider, and makes the client.
func (p *party) begin(change func(*oidc.Config)) {
	p.Helper()
	p.now, p.log = time.Now().Truncate(time.Second), &bytes.Buffer{}
	p.provider.Configure(func(c *oidctest.Config) { c.Clock = p.clock })
	p.provider.SignIn(oidctest.User{Subject: "alice", Claims: map[string]any{"name": "Alice"}})
	config := oidc.Config{
		Issuer: p.provider.Issuer(), ClientID: "app", ClientSecret: "secret", RedirectURL: redirectURL, Clock: p.clock,
		Logger: slog.New(slog.NewTextHandler(p.log, nil)),
	}
	if change != nil {
		change(&config)
	}
	client, err := oidc.NewClient(config)
	if err != nil {
		p.Fatal(err)
	}
	p.client = client
}

var request = oidc.AuthRequest{State: "state", Nonce: "nonce-of-this-sign-in", CodeVerifier: strings.Repeat("v", 43)}

// code goes to the provider as a browser would.
func (p *party) code(request oidc.AuthRequest) oidc.Callback {
	p.Helper()
	location, err := p.client.AuthCodeURL(p.Context(), request)
	if err != nil {
		p.Fatal(err)
	}
	browser := &http.Client{Transport: p.http.Transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := browser.Get(location)
	if err != nil {
		p.Fatal(err)
	}
	defer res.Body.Close()
	back, err := res.Location()
	if err != nil {
		p.Fatalf("%d at %s", res.StatusCode, location)
	}
	answer, err := oidc.ParseCallback(back.Query())
	if err != nil {
		p.Fatalf("%v: %s", err, back)
	}
	return answer
}

// signIn runs a whole sign-in and returns what came of it.
func (p *party) signIn(request oidc.AuthRequest) (*oidc.Grant, error) {
	p.Helper()
	answer := p.code(request)
	if err := p.client.CheckCallback(p.Context(), answer); err != nil {
		return nil, err
	}
	return p.client.Exchange(p.Context(), answer.Code, request)
}

func mustJSON(t *testing.T, value any) []byte {
	t.Helper()
	encoded, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return encoded
}

func TestSignIn(t *testing.T) {
	for _, alg := range []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"} {
		t.Run(alg, func(t *testing.T) {
			p := newParty(t, oidctest.Config{Algorithm: alg}, nil)
			grant, err := p.signIn(request)
			if err != nil {
				t.Fatal(err)
			}
			if grant.IDClaims["sub"] != "alice" || grant.Userinfo["name"] != "Alice" || !grant.Tokens.HasRefresh() || grant.UserinfoErr != nil {
				t.Errorf("%v %v", grant.IDClaims, grant.Userinfo)
			}
			if !grant.Tokens.Expires().Equal(p.clock().Add(5 * time.Minute)) {
				t.Errorf("expires %v", grant.Tokens.Expires())
			}
		})
	}
}

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
		{"HMAC with the client secret", func(j *oidctest.JWT) { j.SignWith(oidctest.HMACKey("HS256", []byte("secret"))) }, "algorithm"},
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

func TestUserinfo(t *testing.T) {
	for _, signed := range []bool{false, true} {
		p := newParty(t, oidctest.Config{SignedUserinfo: signed}, nil)
		if grant, err := p.signIn(request); err != nil || grant.Userinfo["name"] != "Alice" {
			t.Errorf("signed %v: %v", signed, err)
		}
		for name, c := range map[string]struct {
			fault oidctest.Fault
			kind  error
		}{
			"500":        {oidctest.Status(500), oidc.ErrUnavailable},
			"401":        {oidctest.Status(401), oidc.ErrClient},
			"not JSON":   {oidctest.Body(200, "application/json", "hello"), oidc.ErrUnavailable},
			"no sub":     {oidctest.Body(200, "application/json", `{"name":"x"}`), oidc.ErrToken},
			"twice":      {oidctest.Body(200, "application/json", `{"sub":"alice","sub":"bob"}`), oidc.ErrUnavailable},
			"foreign":    {oidctest.Body(200, "application/json", `{"sub":"bob"}`), oidc.ErrToken},
			"redirect":   {oidctest.Redirect(302, "https://evil.example"), oidc.ErrUnavailable},
			"no JWT":     {oidctest.Body(200, "application/jwt", `{"sub":"alice"}`), oidc.ErrToken},
			"gzip bomb":  {oidctest.GzipBomb(), oidc.ErrUnavailable},
			"no ending":  {oidctest.Endless(), oidc.ErrUnavailable},
			"connection": {oidctest.Drop(), oidc.ErrUnavailable},
		} {
			remove := p.provider.Intercept(oidctest.Userinfo, c.fault)
			if _, err := p.signIn(request); !errors.Is(err, c.kind) {
				t.Errorf("%s: %v", name, err)
			}
			remove()
		}
		if signed {
			for name, change := range map[string]func(*oidctest.JWT){
				"iss":      func(j *oidctest.JWT) { j.Claims["iss"] = "https://evil.example" },
				"aud":      func(j *oidctest.JWT) { j.Claims["aud"] = "other" },
				"unsigned": func(j *oidctest.JWT) { j.Unsigned() },
			} {
				remove := p.provider.OnUserinfoToken(change)
				if _, err := p.signIn(request); !errors.Is(err, oidc.ErrToken) {
					t.Errorf("signed userinfo, %s: %v", name, err)
				}
				remove()
			}
		}
	}
}

// TestTokenEndpoint: how failures are told apart.
func TestTokenEndpoint(t *testing.T) {
	p := newParty(t, oidctest.Config{}, nil)
	grant, err := p.signIn(request)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name  string
		fault oidctest.Fault
		kind  error
	}{
		{"invalid_grant", oidctest.OAuthError(400, "invalid_grant", "canary"), oidc.ErrGrant},
		{"invalid_grant by 401", oidctest.OAuthError(401, "invalid_grant", "canary"), oidc.ErrGrant},
		{"dex", oidctest.OAuthError(400, "invalid_request", "canary"), oidc.ErrGrant},
		{"interaction_required", oidctest.OAuthError(400, "interaction_required", "canary"), oidc.ErrGrant},
		{"invalid_client", oidctest.OAuthError(401, "invalid_client", "canary"), oidc.ErrClient},
		{"unauthorized_client", oidctest.OAuthError(400, "unauthorized_client", "canary"), oidc.ErrClient},
		{"unknown code", oidctest.OAuthError(400, "<canary>", "canary"), oidc.ErrClient},
		{"Hydra under load", oidctest.OAuthError(500, "invalid_grant", "canary"), oidc.ErrUnavailable},
		{"503", oidctest.Status(503), oidc.ErrUnavailable},
		{"429", oidctest.OAuthError(429, "slow_down", "canary"), oidc.ErrUnavailable},
		{"400 without a code", oidctest.Body(400, "text/html", "canary"), oidc.ErrUnavailable},
		{"temporarily_unavailable", oidctest.OAuthError(400, "temporarily_unavailable", "canary"), oidc.ErrUnavailable},
		{"HTML", oidctest.Body(200, "text/html", "canary"), oidc.ErrUnavailable},
		{"no access token", oidctest.Body(200, "application/json", `{"token_type":"Bearer"}`), oidc.ErrUnavailable},
		{"MAC", oidctest.Body(200, "application/json", `{"access_token":"a","token_type":"mac"}`), oidc.ErrToken},
		{"connection", oidctest.Drop(), oidc.ErrUnavailable},
		{"307", oidctest.Redirect(307, p.provider.URL+"/stolen"), oidc.ErrUnavailable},
		{"302", oidctest.Redirect(302, p.provider.URL+"/stolen"), oidc.ErrUnavailable},
		{"gzip bomb", oidctest.GzipBomb(), oidc.ErrUnavailable},
		{"no ending", oidctest.Endless(), oidc.ErrUnavailable},
	} {
		t.Run(c.name, func(t *testing.T) {
			defer p.provider.Intercept(oidctest.Token, c.fault)()
			_, err := p.client.Renew(t.Context(), grant.Tokens, grant.IDClaims)
			if !errors.Is(err, c.kind) || strings.Contains(err.Error(), "canary") {
				t.Errorf("renewal: %v, want %v", err, c.kind)
			}
			if _, err := p.signIn(request); !errors.Is(err, c.kind) || strings.Contains(err.Error(), "canary") {
				t.Errorf("sign-in: %v, want %v", err, c.kind)
			}
		})
	}
	for _, seen := range p.provider.Requests(oidctest.Every) {
		if seen.URL.Path == "/stolen" {
			t.Errorf("a redirect was followed with %v", seen.Form)
		}
	}
	if strings.Contains(p.log.String(), "canary") {
		t.Errorf("the log holds the provider's text: %s", p.log)
	}
}

func TestExpiresIn(t *testing.T) {
	for name, c := range map[string]struct {
		value any
		want  time.Duration
	}{
		"number":         {300, 5 * time.Minute},
		"string":         {"300", 5 * time.Minute},
		"null":           {nil, 10 * time.Minute}, // the JWT's own exp
		"zero":           {0, 10 * time.Minute},
		"negative":       {-300, 10 * time.Minute},
		"huge":           {600000000000, 24 * time.Hour},
		"huge string":    {"600000000000", 24 * time.Hour},
		"beyond 64 bits": {"-9999999999", 10 * time.Minute},
	} {
		p := newParty(t, oidctest.Config{AccessTokenLifetime: 10 * time.Minute}, nil)
		p.provider.OnAnswer(oidctest.Token, func(d map[string]any) { d["expires_in"] = c.value })
		grant, err := p.signIn(request)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := grant.Tokens.Expires().Sub(p.clock()); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
	p := newParty(t, oidctest.Config{OpaqueAccessTokens: true}, nil)
	p.provider.OnAnswer(oidctest.Token, func(d map[string]any) { delete(d, "expires_in") })
	if grant, err := p.signIn(request); err != nil || grant.Tokens.Expires().Sub(p.clock()) != time.Hour {
		t.Errorf("nothing said: %v", err)
	}
}

func TestClientAuthentication(t *testing.T) {
	odd := "s:e c+r%e=t&ü"
	for _, c := range []struct {
		name, method, secret string
		offered              any
		want                 string
	}{
		{"discovery offers basic", "", odd, []string{"client_secret_post", "client_secret_basic"}, "client_secret_basic"},
		{"discovery offers post", "", odd, []string{"client_secret_post"}, "client_secret_post"},
		{"discovery says nothing", "", odd, nil, "client_secret_basic"},
		{"configured", "client_secret_post", odd, []string{"client_secret_basic"}, "client_secret_post"},
		{"public", "", "", []string{"client_secret_basic"}, "none"},
	} {
		t.Run(c.name, func(t *testing.T) {
			auth := ""
			if c.secret == "" {
				auth = "none"
			}
			p := newParty(t, oidctest.Config{Clients: []oidctest.Client{{ID: "app", Secret: c.secret, Auth: auth}}}, func(conf *oidc.Config) {
				conf.ClientAuth, conf.ClientSecret = c.method, c.secret
			})
			p.provider.OnAnswer(oidctest.Discovery, func(d map[string]any) {
				if d["token_endpoint_auth_methods_supported"] = c.offered; c.offered == nil {
					delete(d, "token_endpoint_auth_methods_supported")
				}
			})
			grant, err := p.signIn(request)
			if err != nil {
				t.Fatal(err)
			}
			if err := p.client.Revoke(t.Context(), grant.Tokens); err != nil {
				t.Error(err)
			}
			for _, endpoint := range []oidctest.Endpoint{oidctest.Token, oidctest.Revocation} {
				seen := p.provider.Requests(endpoint)[0]
				got := "none"
				if seen.Header.Get("Authorization") != "" {
					got = "client_secret_basic"
				} else if seen.Form.Get("client_secret") != "" {
					got = "client_secret_post"
				}
				if got != c.want {
					t.Errorf("%s: %s, want %s", endpoint, got, c.want)
				}
			}
		})
	}
	p := newParty(t, oidctest.Config{}, nil)
	p.provider.OnAnswer(oidctest.Discovery, func(d map[string]any) { d["token_endpoint_auth_methods_supported"] = []string{"tls_client_auth"} })
	if _, err := p.signIn(request); !errors.Is(err, oidc.ErrClient) {
		t.Errorf("no method in common: %v", err)
	}
}

func TestParseCallback(t *testing.T) {
	for query, want := range map[string]string{
		"code=a&state=b":                            "",
		"code=a&state=b&iss=c&session_state=d":      "",
		"error=access_denied&state=b":               "",
		"code=a":                                    "no state",
		"state=b":                                   "neither",
		"code=&state=b":                             "neither",
		"code=a&error=x&state=b":                    "together",
		"code=a&error=&state=b":                     "together",
		"code=a&code=a&state=b":                     "code stands 2 times",
		"code=a&state=b&state=b":                    "state stands 2 times",
		"code=a&state=b&iss=c&iss=c":                "iss stands 2 times",
		"error=a&error=b&state=b":                   "error stands 2 times",
		"code=a&state=" + strings.Repeat("b", 9000): "too long",
	} {
		values, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		_, err = oidc.ParseCallback(values)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%.40s: %v, want %q", query, err, want)
		}
	}
	answer, err := oidc.ParseCallback(url.Values{"error": {"<script>"}, "state": {"b"}})
	if err != nil || answer.Error != "malformed_error_code" {
		t.Errorf("%+v, %v", answer, err)
	}
}

// FuzzParseCallback: an answer has one state, and one code or one error that looks like
// one, none of them longer than it may be.
func FuzzParseCallback(f *testing.F) {
	f.Fuzz(func(t *testing.T, query string) {
		values, err := url.ParseQuery(query)
		if err != nil {
			return
		}
		answer, err := oidc.ParseCallback(values)
		if err != nil {
			return
		}
		if answer.State == "" || (answer.Code == "") == (answer.Error == "") || len(values["state"]) != 1 || len(values["code"]) > 1 || len(values["iss"]) > 1 {
			t.Fatalf("%q gives %+v", query, answer)
		}
		if len(answer.State)+len(answer.Code)+len(answer.Iss) > 3*8192 || strings.Trim(answer.Error, "abcdefghijklmnopqrstuvwxyz_") != "" || len(answer.Error) > 64 {
			t.Fatalf("%q gives %+v", query, answer)
		}
	})
}

func TestCallbackIssuer(t *testing.T) {
	for _, announced := range []bool{true, false} {
		p := newParty(t, oidctest.Config{OmitCallbackIss: !announced}, nil)
		for iss, refused := range map[string]bool{p.provider.Issuer(): false, "": announced, "https://evil.example": true} {
			for _, answer := range []oidc.Callback{{Code: "a", State: "b", Iss: iss}, {Error: "access_denied", State: "b", Iss: iss}} {
				if err := p.client.CheckCallback(t.Context(), answer); errors.Is(err, oidc.ErrToken) != refused {
					t.Errorf("announced %v, iss %q: %v", announced, iss, err)
				}
			}
		}
	}
}

func TestRevokeAndEndSession(t *testing.T) {
	p := newParty(t, oidctest.Config{}, nil)
	grant, err := p.signIn(request)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.client.Revoke(t.Context(), grant.Tokens); err != nil {
		t.Error(err)
	}
	if _, err := p.client.Renew(t.Context(), grant.Tokens, grant.IDClaims); !errors.Is(err, oidc.ErrGrant) {
		t.Errorf("after revocation: %v", err)
	}
	if err := p.client.Revoke(t.Context(), oidc.Tokens{}); err != nil {
		t.Errorf("without a refresh token: %v", err)
	}
	for fault, kind := range map[int]error{
		400: oidc.ErrClient, 401: oidc.ErrClient, 408: oidc.ErrUnavailable, 429: oidc.ErrUnavailable, 307: oidc.ErrUnavailable, 503: oidc.ErrUnavailable,
	} {
		remove := p.provider.Intercept(oidctest.Revocation, oidctest.Status(fault))
		if err := p.client.Revoke(t.Context(), grant.Tokens); !errors.Is(err, kind) {
			t.Errorf("%d: %v", fault, err)
		}
		remove()
	}
	address, ok, err := p.client.EndSessionURL(t.Context(), oidc.EndSession{IDToken: "a.b.c", PostLogoutRedirectURI: "https://app.example.com/", State: "s"})
	if err != nil || !ok || !strings.Contains(address, "id_token_hint=a.b.c") || !strings.Contains(address, "state=s") {
		t.Errorf("%s, %v, %v", address, ok, err)
	}
	address, ok, err = p.client.EndSessionURL(t.Context(), oidc.EndSession{IDToken: strings.Repeat("a", 8000)})
	if err != nil || !ok || strings.Contains(address, "id_token_hint") || !strings.Contains(address, "client_id=app") {
		t.Errorf("a long hint: %.80s, %v, %v", address, ok, err)
	}
	p = newParty(t, oidctest.Config{}, nil)
	p.provider.OnAnswer(oidctest.Discovery, func(d map[string]any) { delete(d, "end_session_endpoint"); delete(d, "revocation_endpoint") })
	if _, ok, err := p.client.EndSessionURL(t.Context(), oidc.EndSession{}); ok || err != nil {
		t.Errorf("no endpoint: %v, %v", ok, err)
	}
	if err := p.client.Revoke(t.Context(), grant.Tokens); err != nil {
		t.Errorf("no endpoint: %v", err)
	}
}

func TestNewClientReportsEveryMistake(t *testing.T) {
	_, err := oidc.NewClient(oidc.Config{Issuer: "http://idp.example.com", ClientAuth: "x", SigningAlgs: []string{"none", "HS256"}, ResponseMode: "x"})
	for _, field := range []string{"Issuer:", "ClientID:", "RedirectURL:", "ClientAuth:", `SigningAlgs: "none"`, "SigningAlgs: HS256", "ResponseMode:"} {
		if err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("%v doesn't name %s", err, field)
		}
	}
	for _, issuer := range []string{"", "idp", "https://", "https://idp.example.com?x", "https://idp.example.com/{tenant}", "https://user@idp.example.com", "https://idp.example.com#f"} {
		if _, err := oidc.NewClient(oidc.Config{Issuer: issuer, ClientID: "a", RedirectURL: redirectURL}); err == nil {
			t.Errorf("issuer %q was accepted", issuer)
		}
	}
	if _, err := oidc.NewClient(oidc.Config{Issuer: "http://idp.example.com", ClientID: "a", RedirectURL: redirectURL, InsecureHTTP: true}); err != nil {
		t.Error(err)
	}
}

func TestExchangeNeedsItsRequest(t *testing.T) {
	p := newParty(t, oidctest.Config{}, nil)
	for _, incomplete := range []oidc.AuthRequest{{}, {Nonce: "n"}, {CodeVerifier: "v"}} {
		if _, err := p.client.Exchange(t.Context(), "code", incomplete); err == nil {
			t.Error("exchanged without nonce or code_verifier")
		}
	}
	if p.provider.Calls(oidctest.Token) != 0 {
		t.Error("the provider was asked")
	}
}

func ExampleNewClient() {
	_, err := oidc.NewClient(oidc.Config{Issuer: "http://idp.example.com", SigningAlgs: []string{"none"}})
	fmt.Println(err)
	// Output:
	// Issuer: must be https, or http on loopback
	// ClientID: is required
	// RedirectURL: must be an absolute URL without a fragment
	// SigningAlgs: "none" is not supported
}

func Example() {
	provider := oidctest.NewServer(nil, oidctest.Config{Algorithm: "ES256"})
	defer provider.Close()
	provider.SignIn(oidctest.User{Subject: "alice"})

	client, err := oidc.NewClient(oidc.Config{
		Issuer: provider.Issuer(), ClientID: "app", ClientSecret: "secret", RedirectURL: "https://app.example.com/callback",
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := context.Background()
	request := oidc.AuthRequest{State: "random", Nonce: "random", CodeVerifier: strings.Repeat("random", 8)}
	location, err := client.AuthCodeURL(ctx, request)
	if err != nil {
		fmt.Println(err)
		return
	}
	// The browser goes there and comes back.
	browser := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := browser.Get(location)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer res.Body.Close()
	back, _ := res.Location()

	answer, err := oidc.ParseCallback(back.Query())
	if err != nil || answer.State != request.State {
		fmt.Println("not ours", err)
		return
	}
	if err := client.CheckCallback(ctx, answer); err != nil {
		fmt.Println(err)
		return
	}
	grant, err := client.Exchange(ctx, answer.Code, request)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(grant.IDClaims["sub"], grant.Tokens)
	// Output: alice [redacted]
}
