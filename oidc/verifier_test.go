package oidc_test

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/canary"
	"github.com/gatehouse-go/gatehouse/oidc"
	"github.com/gatehouse-go/gatehouse/oidc/oidctest"
)

const (
	api     = "https://api.example.com"
	baseURL = "https://api.example.com"
)

// bench is an API that verifies access tokens, their issuer, and the clock of both.
type bench struct {
	testing.TB
	provider *oidctest.Server
	verifier *oidc.Verifier
	log      bytes.Buffer
	canary   *canary.Watch // over the log, and what is refused
	mu       sync.Mutex
	now      time.Time
}

func (b *bench) clock() time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.now
}

func (b *bench) advance(d time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.now = b.now.Add(d)
}

func newBench(t testing.TB, providing oidctest.Config, change func(*oidc.VerifierConfig)) *bench {
	t.Helper()
	b := &bench{TB: t}
	b.provider = oidctest.NewServer(t, b.providing(providing))
	b.begin(change)
	return b
}

// providing is the provider's configuration, where a test says no more.
func (b *bench) providing(config oidctest.Config) oidctest.Config {
	b.now = time.Now().Truncate(time.Second)
	config.Clock, config.Audience = b.clock, api
	if config.Keys == nil {
		config.Keys = []*oidctest.Key{rsaKey()}
	}
	if config.Clients == nil {
		config.Clients = []oidctest.Client{{ID: "app", Secret: clientSecret}}
	}
	return config
}

// begin makes the verifier.
func (b *bench) begin(change func(*oidc.VerifierConfig)) {
	b.Helper()
	b.canary = canary.New(b)
	b.provider.OnSecret(func(kind, secret string) { b.canary.Secret(canary.Kind(kind), secret) })
	config := oidc.VerifierConfig{
		Audience: []string{api}, Issuers: []oidc.TrustedIssuer{{Issuer: b.provider.Issuer()}}, BaseURL: baseURL,
		Clock: b.clock, Logger: b.canary.Logger(&b.log),
	}
	if change != nil {
		change(&config)
	}
	verifier, err := oidc.NewVerifier(config)
	if err != nil {
		b.Fatal(err)
	}
	b.verifier = verifier
	b.canary.Print("what a verifier prints", config, verifier)
	b.canary.Harvest(func() { b.canary.PrintLive("what a verifier prints", config, verifier) })
}

// token is an access token after RFC 9068, before it is signed.
func (b *bench) token() *oidctest.JWT {
	now := b.clock()
	t := b.provider.NewJWT(map[string]any{
		"iss": b.provider.Issuer(), "sub": "alice", "aud": api, "client_id": "app", "jti": "1", "scope": "orders:read",
		"iat": now.Unix(), "exp": now.Add(5 * time.Minute).Unix(),
	})
	t.Header["typ"] = "at+jwt"
	return t
}

// request carries a token.
func request1(method, path, authorization string) *http.Request {
	r := httptest.NewRequest(method, path, nil)
	if authorization != "" {
		r.Header.Set("Authorization", authorization)
	}
	return r
}

func (b *bench) authenticate(text string) (*oidc.AccessToken, error) {
	b.canary.Secret(canary.AccessToken, text)
	accepted, err := b.verifier.Authenticate(request1(http.MethodGet, "/orders", "Bearer "+text))
	b.canary.Print("what an access token prints", accepted)
	if err != nil {
		b.canary.Look("a challenge", strings.Join(b.verifier.Challenges(err), "\n"))
	}
	return accepted, b.canary.Error("a refusal", err)
}

// wantRefusal fails the test unless err is a refusal with that code, saying says.
func wantRefusal(t testing.TB, err error, code, says string) {
	t.Helper()
	var refusal *oidc.Refusal
	if !errors.As(err, &refusal) || refusal.Code != code || !strings.Contains(err.Error(), says) {
		t.Errorf("%v, want a refusal with %s that says %q", err, code, says)
	}
}

// TestAccessToken: every rule about JWTs, by name.
func TestAccessToken(t *testing.T) {
	b := newBench(t, oidctest.Config{}, func(c *oidc.VerifierConfig) {
		c.Audience = append(c.Audience, "login", "also-a-client")
		c.LoginClients = []string{"login"}
		c.Issuers[0].NoAudienceClients = []string{"cognito-app"}
	})
	at := func(d time.Duration) int64 { return b.clock().Add(d).Unix() }
	stranger := oidctest.NewKey("RS256")
	type jwt = *oidctest.JWT
	set := func(name string, value any) func(jwt) { return func(j jwt) { j.Claims[name] = value } }
	drop := func(names ...string) func(jwt) {
		return func(j jwt) {
			for _, name := range names {
				delete(j.Claims, name)
			}
		}
	}
	typ := func(value any) func(jwt) { return func(j jwt) { j.Header["typ"] = value } }
	plain := func(change func(jwt)) func(jwt) {
		return func(j jwt) {
			j.Header["typ"] = "JWT"
			delete(j.Claims, "client_id")
			change(j)
		}
	}
	claims := func(said map[string]any) func(jwt) { return plain(func(j jwt) { maps.Copy(j.Claims, said) }) }
	for _, c := range []struct {
		name   string
		change func(jwt)
		says   string // "": accepted
	}{
		{"honest", func(jwt) {}, ""},
		{"typ application/at+jwt", typ("application/at+jwt"), ""},
		{"typ AT+JWT", typ("AT+JWT"), ""},
		{"typ JWT", typ("JWT"), ""},
		{"no typ", func(j jwt) { delete(j.Header, "typ") }, ""},
		{"typ logout+jwt", typ("logout+jwt"), "typ"},
		{"typ dpop+jwt", typ("dpop+jwt"), "typ"},
		{"typ secevent+jwt", typ("secevent+jwt"), "typ"},
		{"typ id_token+jwt", typ("id_token+jwt"), "typ"},
		{"typ of Okta's own tokens", typ("application/okta-internal-at+jwt"), "typ"},
		{"typ a number", typ(7), "typ"},

		{"iss of another", set("iss", "https://evil.example"), "iss"},
		{"iss with a slash more", set("iss", b.provider.Issuer()+"/"), "iss"},
		{"no iss", drop("iss"), "iss"},
		{"iss a list", set("iss", []string{b.provider.Issuer()}), "iss"},
		{"aud of another", set("aud", "https://other.example.com"), "aud"},
		{"aud with a slash more", set("aud", api+"/"), "aud"},
		{"aud in another case", set("aud", strings.ToUpper(api)), "aud"},
		{"no aud", drop("aud"), "aud"},
		{"aud null", set("aud", nil), "aud"},
		{"aud a list", set("aud", []string{"https://other.example.com", api}), ""},
		{"aud an empty list", set("aud", []string{}), "aud is empty"},
		{"aud with a number", set("aud", []any{api, 1}), "aud"},
		{"aud an object", set("aud", map[string]any{api: true}), "aud"},
		{"no sub", drop("sub"), "sub"},
		{"empty sub", set("sub", ""), "sub"},
		{"sub a number", set("sub", 7), "sub"},
		{"endless sub", set("sub", strings.Repeat("a", 256)), "sub"},
		{"no client_id", drop("client_id"), "client_id"},
		{"no client_id, azp empty", func(j jwt) { drop("client_id")(j); set("azp", "")(j) }, "client_id"},
		{"no client_id, azp a list", func(j jwt) { drop("client_id")(j); set("azp", []string{"app"})(j) }, "client_id"},
		{"Keycloak, at+jwt", func(j jwt) { drop("client_id")(j); set("azp", "app")(j); set("typ", "Bearer")(j) }, ""},
		{"client_id a list", set("client_id", []string{"app"}), "client_id"},
		{"azp a number", set("azp", 7), "azp"},
		{"no exp", drop("exp"), "exp"},
		{"exp a string", set("exp", "2030"), "exp"},
		{"exp infinite", set("exp", 1e300), "exp"},
		{"exp negative", set("exp", -1), "exp"},
		{"expired 59 s ago", set("exp", at(-59*time.Second)), ""},
		{"expired 60 s ago", set("exp", at(-60*time.Second)), "exp"},
		{"nbf in 60 s", set("nbf", at(60*time.Second)), ""},
		{"nbf in 61 s", set("nbf", at(61*time.Second)), "nbf"},
		{"nbf no number", set("nbf", true), "nbf"},
		{"no iat", drop("iat"), ""},
		{"iat in 61 s", set("iat", at(61*time.Second)), "iat"},

		{"an ID token by at_hash", set("at_hash", "AAAAAAAAAAAAAAAAAAAAAA"), "at_hash"},
		{"an ID token by c_hash", set("c_hash", "AAAAAAAAAAAAAAAAAAAAAA"), "c_hash"},
		{"an ID token by s_hash", set("s_hash", "AAAAAAAAAAAAAAAAAAAAAA"), "s_hash"},
		{"an ID token by token_use", set("token_use", "id"), "token_use"},
		{"an ID token by its nonce, naming no client", claims(map[string]any{"nonce": "n"}), "nonce"},
		{"a nonce that is null, naming no client", claims(map[string]any{"nonce": nil}), "nonce"},
		{"a nonce, at+jwt", set("nonce", "n"), ""},
		{"an ID token by Keycloak's typ", set("typ", "ID"), "typ"},
		{"a refresh token by Keycloak's typ", set("typ", "Refresh"), "typ"},
		{"an offline token by Keycloak's typ", set("typ", "Offline"), "typ"},
		{"a logout token by Keycloak's typ", set("typ", "Logout"), "typ"},
		{"typ a list", set("typ", []string{"Bearer"}), "typ"},
		{"a logout token", set("events", map[string]any{"http://schemas.openid.net/event/backchannel-logout": map[string]any{}}), "events"},
		{"events null", set("events", nil), "events"},
		{"at_hash null", set("at_hash", nil), "at_hash"},

		{"Keycloak", claims(map[string]any{"typ": "Bearer", "azp": "app", "realm_access": map[string]any{"roles": []string{"admin"}}, "aud": []string{"account", api}}), ""},
		{"Keycloak of old, with a nonce", claims(map[string]any{"typ": "Bearer", "azp": "app", "nonce": "n", "session_state": "s"}), ""},
		{"Keycloak, bound", claims(map[string]any{"typ": "DPoP", "azp": "app", "cnf": map[string]any{"jkt": strings.Repeat("A", 43)}}), "proof"},
		{"Keycloak, bound, and says how", claims(map[string]any{"typ": "DPoP", "azp": "app", "cnf": map[string]any{"jkt": strings.Repeat("A", 43), "kc-jkt-type": "DPoP"}}), "proof"},
		{"Keycloak, bound in another way", claims(map[string]any{"typ": "DPoP", "azp": "app", "cnf": map[string]any{"jkt": strings.Repeat("A", 43), "kc-jkt-type": "other"}}), "cnf"},
		{"Keycloak, says how, and not to what", claims(map[string]any{"azp": "app", "cnf": map[string]any{"kc-jkt-type": "DPoP"}}), "cnf"},
		{"Keycloak, bound to what it doesn't say", claims(map[string]any{"typ": "DPoP", "azp": "app"}), "bound"},
		{"Keycloak, bound to a certificate alone", claims(map[string]any{"typ": "dpop", "azp": "app", "cnf": map[string]any{"x5t#S256": strings.Repeat("A", 43)}}), "bound"},
		{"Entra v2", claims(map[string]any{"ver": "2.0", "azp": "app", "scp": "orders.read", "oid": "o", "tid": "t"}), ""},
		{"Entra v1", claims(map[string]any{"ver": "1.0", "appid": "app", "appidacr": "1", "scp": "orders.read"}), ""},
		{"Auth0", claims(map[string]any{"azp": "app", "aud": []string{api, "https://example.auth0.com/userinfo"}, "permissions": []string{"orders:read"}}), ""},
		{"Okta", func(j jwt) {
			plain(func(j jwt) {
				delete(j.Header, "typ")
				j.Claims["cid"], j.Claims["scp"] = "app", []string{"orders:read"}
			})(j)
		}, ""},
		{"Cognito, our client", plain(func(j jwt) { drop("aud")(j); set("client_id", "cognito-app")(j); set("token_use", "access")(j) }), ""},
		{"Cognito, another client", plain(func(j jwt) { drop("aud")(j); set("client_id", "other")(j); set("token_use", "access")(j) }), "aud"},
		{"Cognito, no token_use", plain(func(j jwt) { drop("aud")(j); set("client_id", "cognito-app")(j) }), "aud"},
		{"Cognito, an ID token", plain(func(j jwt) { set("aud", "cognito-app")(j); set("token_use", "id")(j) }), "token_use"},

		{"aud a client, at+jwt", set("aud", "login"), ""},
		{"aud a client", plain(set("aud", "login")), "client"},
		{"aud a client beside the API", plain(set("aud", []string{"login", api})), ""},
		{"aud the token's own azp", claims(map[string]any{"aud": "also-a-client", "azp": "also-a-client"}), "client"},
		{"aud the token's own azp, at+jwt", func(j jwt) { set("aud", "also-a-client")(j); set("azp", "also-a-client")(j) }, ""},
		{"aud another client's name", claims(map[string]any{"aud": "also-a-client", "azp": "app"}), ""},

		{"sub twice", func(j jwt) { j.Append("sub", "mallory") }, "twice"},
		{"aud twice", func(j jwt) { set("aud", "x")(j); j.Append("aud", api) }, "twice"},
		{"Sub beside sub", func(j jwt) { j.Append("Sub", "mallory") }, ""},
		{"Exp in place of exp", func(j jwt) { drop("exp")(j); set("Exp", at(time.Minute))(j) }, "exp"},
		{"not JSON", func(j jwt) { j.Payload = []byte("hello") }, ""}, // refused, see below
		{"a list", func(j jwt) { j.Payload = []byte("[]") }, "object"},
		{"deeply nested", func(j jwt) { j.Payload = []byte(strings.Repeat(`{"a":`, 40) + "1" + strings.Repeat("}", 40)) }, "nested"},

		{"crit", func(j jwt) { j.Header["crit"] = []string{"x"}; j.Header["x"] = 1 }, "crit"},
		{"crit empty", func(j jwt) { j.Header["crit"] = []string{} }, "crit"},
		{"b64 false", func(j jwt) { j.Header["crit"], j.Header["b64"] = []string{"b64"}, false }, "crit"},
		{"alg none", func(j jwt) { j.Unsigned() }, "algorithm"},
		{"alg nOnE", func(j jwt) { j.Unsigned(); j.Header["alg"] = "nOnE" }, "algorithm"},
		{"alg a list", func(j jwt) { j.Header["alg"] = []string{"RS256"} }, "alg"},
		{"no alg", func(j jwt) { delete(j.Header, "alg") }, "algorithm"},
		{"no signature", func(j jwt) { j.Key = nil }, "signature"},
		{"HMAC by the public key", func(j jwt) { j.SignWith(oidctest.HMACKey("HS256", rsaKey().PublicPEM())) }, "algorithm"},
		{"HMAC by nothing", func(j jwt) { j.SignWith(oidctest.HMACKey("HS256", []byte("\x00"))) }, "algorithm"},
		{"another alg of the same key", func(j jwt) { j.Header["alg"] = "RS384" }, "key"},
		{"ES256 under an RSA kid", func(j jwt) {
			j.SignWith(oidctest.NewKey("ES256"))
			j.Header["kid"] = rsaKey().ID
		}, "key"},
		{"a stranger's key under our kid", func(j jwt) { j.Key = stranger }, "signature"},
		{"a stranger's key under its kid", func(j jwt) { j.SignWith(stranger) }, "unknown key"},
		{"a stranger's key, brought along", func(j jwt) { j.SignWith(stranger); j.Header["jwk"] = stranger.JWK() }, "unknown key"},
		{"a stranger's key, by address", func(j jwt) { j.SignWith(stranger); j.Header["jku"] = "https://evil.example" }, "unknown key"},
		{"harmless jku, x5u, jwk", func(j jwt) {
			j.Header["jku"], j.Header["x5u"], j.Header["jwk"] = "https://evil.example", "https://evil.example", stranger.JWK()
		}, ""},
		{"kid a path", func(j jwt) { j.Key = stranger; j.Header["kid"] = "../../dev/null" }, "unknown key"},
		{"kid a query", func(j jwt) { j.Key = stranger; j.Header["kid"] = "' UNION SELECT 'key" }, "unknown key"},
		{"kid a number", func(j jwt) { j.Header["kid"] = 7 }, "kid"},
		{"no kid", func(j jwt) { delete(j.Header, "kid") }, ""},

		{"cnf", set("cnf", map[string]any{"jkt": strings.Repeat("A", 43)}), "proof"},
		{"cnf of a certificate", set("cnf", map[string]any{"x5t#S256": strings.Repeat("A", 43)}), "certificate"},
		{"cnf of an unknown kind", set("cnf", map[string]any{"kid": strings.Repeat("A", 43)}), "unknown kind"},
		{"cnf empty", set("cnf", map[string]any{}), "cnf"},
		{"cnf null", set("cnf", nil), "cnf"},
		{"cnf a string", set("cnf", "jkt"), "cnf"},
		{"cnf.jkt short", set("cnf", map[string]any{"jkt": "AAAA"}), "cnf"},
		{"huge", set("pad", strings.Repeat("a", 16<<10)), "too long"},
	} {
		t.Run(c.name, func(t *testing.T) {
			jwt := b.token()
			c.change(jwt)
			token, err := b.authenticate(jwt.Sign())
			if c.says == "" && c.name != "not JSON" {
				if err != nil {
					t.Fatalf("refused: %v", err)
				}
				if token.Subject() != "alice" || token.Issuer() != b.provider.Issuer() {
					t.Errorf("%v", token)
				}
				return
			}
			wantRefusal(t, err, oidc.InvalidToken, c.says)
			if token != nil {
				t.Error("a refused token is returned")
			}
		})
	}
	if calls := b.provider.Calls(oidctest.JWKS); calls > 6 {
		t.Errorf("the keys were read %d times", calls)
	}
}

// TestNotTokens: what isn't a JWS at all.
func TestNotTokens(t *testing.T) {
	b := newBench(t, oidctest.Config{}, nil)
	good := b.token().Sign()
	parts := strings.Split(good, ".")
	for name, text := range map[string]string{
		"a word":                      "hello",
		"a JWE":                       "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIn0..AAAA.AAAA.AAAA",
		"two parts":                   parts[0] + "." + parts[1],
		"a part more":                 good + ".",
		"dots":                        strings.Repeat(".", 16<<10),
		"many dots":                   strings.Repeat(".", 1<<20),
		"huge":                        strings.Repeat("a", 1<<20),
		"empty parts":                 "..",
		"padding":                     parts[0] + "." + parts[1] + "." + parts[2] + "==",
		"a comma":                     good + "," + good,
		"a space":                     good + " " + good,
		"quotes":                      `"` + good + `"`,
		"a tab":                       "\t" + good,
		"a character that isn't ours": good + "é",
		"another last bit":            good[:len(good)-1] + otherLastBit(good),
	} {
		token, err := b.authenticate(text)
		wantRefusal(t, err, oidc.InvalidToken, "")
		if token != nil {
			t.Errorf("%s is accepted", name)
		}
	}
	for name, text := range map[string]string{"a line more": good + "\n", "a line within": parts[0] + "." + parts[1] + ".\r\n" + parts[2]} {
		if _, err := b.verifier.Verify(t.Context(), text); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
	if _, err := b.authenticate(good); err != nil {
		t.Error(err)
	}
}

// otherLastBit changes bits of the last character that encode nothing.
func otherLastBit(text string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	last := strings.IndexByte(alphabet, text[len(text)-1])
	return string(alphabet[last^1])
}

func TestAuthorizationHeader(t *testing.T) {
	b := newBench(t, oidctest.Config{}, nil)
	good := b.token().Sign()
	for _, c := range []struct {
		name   string
		values []string
		code   string
		ok     bool
	}{
		{"none", nil, "", false},
		{"Bearer", []string{"Bearer " + good}, "", true},
		{"in lower case", []string{"bearer " + good}, "", true},
		{"two spaces", []string{"Bearer  " + good}, "", true},
		{"no space", []string{"Bearer" + good}, "", false},
		{"a tab", []string{"Bearer\t" + good}, oidc.InvalidToken, false},
		{"no token", []string{"Bearer"}, oidc.InvalidToken, false},
		{"an empty token", []string{"Bearer "}, oidc.InvalidToken, false},
		{"Basic", []string{"Basic YWxpY2U6c2VjcmV0"}, "", false},
		{"Token", []string{"Token " + good}, "", false},
		{"twice", []string{"Bearer " + good, "Bearer " + good}, oidc.InvalidRequest, false},
		{"beside Basic", []string{"Basic YWxpY2U6c2VjcmV0", "Bearer " + good}, oidc.InvalidRequest, false},
		{"DPoP, not bound", []string{"DPoP " + good}, oidc.InvalidToken, false},
	} {
		r := request1(http.MethodGet, "/orders?access_token="+good, "")
		r.Header["Authorization"] = c.values
		_, err := b.verifier.Authenticate(r)
		if c.ok != (err == nil) {
			t.Errorf("%s: %v", c.name, err)
		}
		if !c.ok {
			wantRefusal(t, err, c.code, "")
		}
	}
}

func TestVerifyAlone(t *testing.T) {
	b := newBench(t, oidctest.Config{}, nil)
	if token, err := b.verifier.Verify(t.Context(), b.token().Sign()); err != nil || token.ClientID() != "app" || !token.Expires().Equal(b.clock().Add(5*time.Minute)) {
		t.Errorf("%v %v", token, err)
	}
	bound := b.token()
	bound.Claims["cnf"] = map[string]any{"jkt": strings.Repeat("A", 43)}
	_, err := b.verifier.Verify(t.Context(), bound.Sign())
	wantRefusal(t, err, oidc.InvalidToken, "bound")
}

// TestUnavailable: while keys can't be read nobody is refused, and nobody let in.
func TestUnavailable(t *testing.T) {
	b := newBench(t, oidctest.Config{}, nil)
	remove := b.provider.Intercept(oidctest.JWKS, oidctest.Status(503))
	_, err := b.authenticate(b.token().Sign())
	var refusal *oidc.Refusal
	if !errors.Is(err, oidc.ErrUnavailable) || errors.As(err, &refusal) || b.verifier.Ready(t.Context()) == nil {
		t.Errorf("%v", err)
	}
	remove()
	b.advance(2 * time.Second)
	if _, err := b.authenticate(b.token().Sign()); err != nil || b.verifier.Ready(context.Background()) != nil {
		t.Error(err)
	}
}

// TestReadyAsksAllIssuersAtOnce: one that doesn't answer takes no time of another's.
func TestReadyAsksAllIssuersAtOnce(t *testing.T) {
	slow, other := oidctest.NewServer(t, oidctest.Config{Keys: []*oidctest.Key{rsaKey()}}), oidctest.NewServer(t, oidctest.Config{Keys: []*oidctest.Key{rsaKey()}})
	asked := make(chan struct{})
	slow.Intercept(oidctest.JWKS, oidctest.Hold(asked))
	other.Intercept(oidctest.JWKS, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			close(asked)
			next.ServeHTTP(w, r)
		})
	})
	verifier, err := oidc.NewVerifier(oidc.VerifierConfig{Audience: []string{"api"}, Issuers: []oidc.TrustedIssuer{{Issuer: slow.Issuer()}, {Issuer: other.Issuer()}}})
	if err != nil {
		t.Fatal(err)
	}
	defer verifier.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if err := verifier.Ready(ctx); err != nil {
		t.Error(err)
	}
}
