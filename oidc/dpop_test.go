package oidc_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/oidc"
	"github.com/gatehouse-go/gatehouse/oidc/oidctest"
)

// bound is the request of a sign-in whose tokens are to be bound to a key.
func bound() oidc.AuthRequest {
	asked := request
	asked.ProofKey = oidc.NewProofKey()
	return asked
}

func TestBoundSignIn(t *testing.T) {
	for name, providing := range map[string]oidctest.Config{
		"plain":     {},
		"required":  {RequireDPoP: true},
		"nonce":     {RequireDPoP: true, DPoPNonce: "nonce-1"},
		"pushed":    {RequireDPoP: true, RequirePushed: true, DPoPNonce: "nonce-1"},
		"no rotate": {Rotation: oidctest.RotateNever},
	} {
		t.Run(name, func(t *testing.T) {
			p := newParty(t, providing, nil)
			asked := bound()
			grant, err := p.signIn(asked)
			if err != nil {
				t.Fatal(err)
			}
			if got := grant.Tokens.ProofKey().Thumbprint(); got != asked.ProofKey.Thumbprint() || got == "" {
				t.Errorf("bound to %q, want %q", got, asked.ProofKey.Thumbprint())
			}
			if grant.Userinfo["sub"] != "alice" {
				t.Errorf("userinfo %v", grant.Userinfo)
			}
			asking := p.provider.Requests(oidctest.Userinfo)
			if last := asking[len(asking)-1]; !strings.HasPrefix(last.Header.Get("Authorization"), "DPoP ") {
				t.Errorf("userinfo was asked with %.10q", last.Header.Get("Authorization"))
			}
			if providing.DPoPNonce != "" {
				p.provider.Configure(func(c *oidctest.Config) { c.DPoPNonce = "nonce-2" })
			}
			kept, err := oidc.ParseTokens(grant.Tokens.Bytes())
			if err != nil {
				t.Fatal(err)
			}
			renewed, err := p.client.Renew(t.Context(), kept, grant.IDClaims)
			if err != nil {
				t.Fatal(err)
			}
			if renewed.Tokens.ProofKey().Thumbprint() != asked.ProofKey.Thumbprint() || renewed.UserinfoErr != nil {
				t.Errorf("renewed for another key, userinfo: %v", renewed.UserinfoErr)
			}
		})
	}
}

// What is remembered of a nonce saves the second request.
func TestNonceIsRemembered(t *testing.T) {
	p := newParty(t, oidctest.Config{RequireDPoP: true, DPoPNonce: "nonce-1"}, nil)
	for sent := range 3 {
		if _, err := p.signIn(bound()); err != nil {
			t.Fatal(err)
		}
		if got, want := p.provider.Calls(oidctest.Token), sent+2; got != want {
			t.Errorf("%d token requests, want %d", got, want)
		}
		if got, want := p.provider.Calls(oidctest.Userinfo), sent+2; got != want {
			t.Errorf("%d userinfo requests, want %d", got, want)
		}
	}
}

// withHeader answers an error of OAuth with a DPoP-Nonce.
func withNonce(nonces func() string, status int, code string) oidctest.Fault {
	refuse := oidctest.OAuthError(status, code, "canary-description")
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("DPoP-Nonce", nonces())
			refuse(next).ServeHTTP(w, r)
		})
	}
}

func counting() func() string {
	var mu sync.Mutex
	n := 0
	return func() string {
		mu.Lock()
		defer mu.Unlock()
		n++
		return fmt.Sprint("nonce-", n)
	}
}

func TestHostileProvidersOfBoundTokens(t *testing.T) {
	answer := func(change func(map[string]any)) func(*oidctest.Server) {
		return func(s *oidctest.Server) { s.OnAnswer(oidctest.Token, change) }
	}
	for name, c := range map[string]struct {
		hostile func(*oidctest.Server)
		want    error
		calls   int
	}{
		"bearer tokens":    {answer(func(d map[string]any) { d["token_type"] = "Bearer" }), oidc.ErrToken, 1},
		"no token_type":    {answer(func(d map[string]any) { delete(d, "token_type") }), oidc.ErrToken, 1},
		"N_A":              {answer(func(d map[string]any) { d["token_type"] = "N_A" }), oidc.ErrToken, 1},
		"a nonce for ever": {func(s *oidctest.Server) { s.Intercept(oidctest.Token, withNonce(counting(), 400, "use_dpop_nonce")) }, oidc.ErrClient, 2},
		"the same nonce": {func(s *oidctest.Server) {
			s.Intercept(oidctest.Token, withNonce(func() string { return "n" }, 400, "use_dpop_nonce"))
		}, oidc.ErrClient, 2},
		"no nonce": {func(s *oidctest.Server) { s.Intercept(oidctest.Token, oidctest.OAuthError(400, "use_dpop_nonce", "")) }, oidc.ErrClient, 1},
		"a malformed nonce": {func(s *oidctest.Server) {
			s.Intercept(oidctest.Token, withNonce(func() string { return "a b\"" }, 400, "use_dpop_nonce"))
		}, oidc.ErrClient, 1},
		"an endless nonce": {func(s *oidctest.Server) {
			s.Intercept(oidctest.Token, withNonce(func() string { return strings.Repeat("n", 4000) }, 400, "use_dpop_nonce"))
		}, oidc.ErrClient, 1},
		"a nonce with another error": {func(s *oidctest.Server) { s.Intercept(oidctest.Token, withNonce(counting(), 400, "invalid_grant")) }, oidc.ErrGrant, 1},
		"a nonce with a failure":     {func(s *oidctest.Server) { s.Intercept(oidctest.Token, withNonce(counting(), 500, "use_dpop_nonce")) }, oidc.ErrUnavailable, 1},
		"an endless refusal": {func(s *oidctest.Server) {
			s.Intercept(oidctest.Token, func(next http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					w.Header().Set("DPoP-Nonce", "n")
					w.WriteHeader(http.StatusBadRequest)
					_, _ = w.Write([]byte(`{"error":"use_dpop_nonce","x":"` + strings.Repeat("x", 2<<20) + `"}`))
				})
			})
		}, oidc.ErrUnavailable, 1},
		"userinfo refuses": {func(s *oidctest.Server) { s.Intercept(oidctest.Userinfo, oidctest.Status(401)) }, oidc.ErrClient, 1},
	} {
		t.Run(name, func(t *testing.T) {
			p := newParty(t, oidctest.Config{}, nil)
			c.hostile(p.provider)
			_, err := p.signIn(bound())
			if !errors.Is(err, c.want) {
				t.Errorf("%v, want %v", err, c.want)
			}
			if got := p.provider.Calls(oidctest.Token); got != c.calls {
				t.Errorf("%d token requests, want %d", got, c.calls)
			}
			if err != nil && strings.Contains(err.Error(), "canary") {
				t.Errorf("the error says what the provider wrote: %v", err)
			}
		})
	}
}

func TestUnboundSignInRefusesBoundTokens(t *testing.T) {
	p := newParty(t, oidctest.Config{}, nil)
	p.provider.OnAnswer(oidctest.Token, func(d map[string]any) { d["token_type"] = "DPoP" })
	if _, err := p.signIn(request); !errors.Is(err, oidc.ErrToken) {
		t.Errorf("%v", err)
	}
}

func TestRenewalIsNotDowngraded(t *testing.T) {
	p := newParty(t, oidctest.Config{}, nil)
	grant, err := p.signIn(bound())
	if err != nil {
		t.Fatal(err)
	}
	p.provider.OnAnswer(oidctest.Token, func(d map[string]any) { d["token_type"] = "Bearer" })
	if _, err := p.client.Renew(t.Context(), grant.Tokens, grant.IDClaims); !errors.Is(err, oidc.ErrToken) {
		t.Errorf("%v", err)
	}
}

// Some providers refuse a proof as any other malformed request, and with it nothing
// of the grant. Clocks that differ are enough for that.
func TestRefusedProofEndsNoSession(t *testing.T) {
	for code, want := range map[string]error{"invalid_request": oidc.ErrClient, "invalid_dpop_proof": oidc.ErrClient, "invalid_grant": oidc.ErrGrant} {
		p := newParty(t, oidctest.Config{}, nil)
		grant, err := p.signIn(bound())
		if err != nil {
			t.Fatal(err)
		}
		p.provider.Intercept(oidctest.Token, oidctest.OAuthError(400, code, ""))
		if _, err := p.client.Renew(t.Context(), grant.Tokens, grant.IDClaims); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", code, err, want)
		}
	}
}

func TestProviderWithoutTheAlgorithm(t *testing.T) {
	p := newParty(t, oidctest.Config{}, nil)
	p.provider.OnAnswer(oidctest.Discovery, func(d map[string]any) { d["dpop_signing_alg_values_supported"] = []string{"RS256"} })
	if _, err := p.client.AuthCodeURL(t.Context(), bound()); !errors.Is(err, oidc.ErrClient) || !strings.Contains(err.Error(), "ES256") {
		t.Errorf("%v", err)
	}
}

// The code of a stolen callback is of no use without the key (RFC 9449 §10).
func TestCodeIsBound(t *testing.T) {
	p := newParty(t, oidctest.Config{}, nil)
	asked := bound()
	answer := p.code(asked)
	stolen := asked
	stolen.ProofKey = oidc.NewProofKey()
	if _, err := p.client.Exchange(t.Context(), answer.Code, stolen); !errors.Is(err, oidc.ErrGrant) {
		t.Errorf("%v", err)
	}
}

func TestProofKey(t *testing.T) {
	key := oidc.DeriveProofKey([]byte("0123456789abcdef0123456789abcdef"))
	again := oidc.DeriveProofKey([]byte("0123456789abcdef0123456789abcdef"))
	other := oidc.DeriveProofKey([]byte("another9abcdef0123456789abcdef01"))
	if key.Thumbprint() != again.Thumbprint() || key.Thumbprint() == other.Thumbprint() || len(key.Thumbprint()) != 43 {
		t.Errorf("thumbprints %q, %q, %q", key.Thumbprint(), again.Thumbprint(), other.Thumbprint())
	}
	parsed, err := oidc.ParseProofKey(key.Bytes())
	if err != nil || parsed.Thumbprint() != key.Thumbprint() {
		t.Errorf("parsed to %q, %v", parsed.Thumbprint(), err)
	}
	for _, raw := range [][]byte{nil, make([]byte, 32), make([]byte, 31), []byte(strings.Repeat("\xff", 32))} {
		if _, err := oidc.ParseProofKey(raw); err == nil {
			t.Errorf("%x is a key", raw)
		}
	}
	var zero oidc.ProofKey
	if !zero.IsZero() || zero.Thumbprint() != "" || zero.Bytes() != nil || key.IsZero() {
		t.Error("the zero key is a key")
	}
	type holder struct{ key oidc.ProofKey }
	var text strings.Builder
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d"} {
		fmt.Fprintf(&text, verb+verb, key, holder{key})
	}
	slog.New(slog.NewTextHandler(&text, nil)).Info("key", "key", key, "holder", holder{key})
	for _, shown := range []string{fmt.Sprint(key.Bytes()), fmt.Sprintf("%x", key.Bytes()), fmt.Sprintf("%d", key.Bytes()[0]) + " " + fmt.Sprint(key.Bytes()[1])} {
		if strings.Contains(text.String(), shown) {
			t.Errorf("the key is printed: %s", text.String())
		}
	}
}

// resource is a server of something, which answers by its own rules.
func resource(t *testing.T, answer http.HandlerFunc) *httptest.Server {
	server := httptest.NewServer(answer)
	t.Cleanup(server.Close)
	return server
}

func TestSender(t *testing.T) {
	key := oidc.NewProofKey()
	var mu sync.Mutex
	var nonces, bodies []string
	wanted := "first"
	server := resource(t, func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		body := make([]byte, 4)
		n, _ := r.Body.Read(body)
		bodies = append(bodies, string(body[:n]))
		nonce := nonceOf(t, r.Header.Get("DPoP"))
		nonces = append(nonces, nonce)
		if nonce != wanted {
			w.Header().Set("DPoP-Nonce", wanted)
			w.Header().Set("WWW-Authenticate", `DPoP error="use_dpop_nonce"`)
			w.WriteHeader(http.StatusUnauthorized)
		}
	})
	sender := oidc.NewSender(nil)
	send := func(body string) int {
		t.Helper()
		r, err := http.NewRequest(http.MethodPost, server.URL+"/x?y=z#f", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer planted")
		res, err := sender.Send(nil, r, "token", key)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if r.Header.Get("DPoP") != "" || r.Header.Get("Authorization") != "Bearer planted" {
			t.Error("the request was changed")
		}
		return res.StatusCode
	}
	if got := []int{send("one"), send("two")}; got[0] != 200 || got[1] != 200 {
		t.Errorf("statuses %v", got)
	}
	wanted = "second"
	if got := send("tri"); got != 200 {
		t.Errorf("status %v", got)
	}
	if got := strings.Join(nonces, ","); got != ",first,first,first,second" {
		t.Errorf("nonces %s", got)
	}
	if got := strings.Join(bodies, ","); got != "one,one,two,tri,tri" {
		t.Errorf("bodies %s", got)
	}

	r, _ := http.NewRequest(http.MethodGet, server.URL, nil)
	if _, err := sender.Send(nil, r, "", key); err == nil {
		t.Error("sent without a token")
	}
}

// A body that can't be had again isn't sent again.
func TestSenderDoesNotReplayStreams(t *testing.T) {
	calls := 0
	server := resource(t, func(w http.ResponseWriter, r *http.Request) {
		calls++
		w.Header().Set("DPoP-Nonce", "n")
		w.Header().Set("WWW-Authenticate", `DPoP error="use_dpop_nonce"`)
		w.WriteHeader(http.StatusUnauthorized)
	})
	r, err := http.NewRequest(http.MethodPost, server.URL, struct{ *strings.Reader }{strings.NewReader("stream")})
	if err != nil {
		t.Fatal(err)
	}
	res, err := oidc.NewSender(nil).Send(nil, r, "token", oidc.NewProofKey())
	if err != nil || res.StatusCode != http.StatusUnauthorized || calls != 1 {
		t.Errorf("%v, %d calls", err, calls)
	}
	_ = res.Body.Close()
}

// What one party sends, the other accepts: the proofs of a Sender at a Verifier.
func TestSenderAndVerifier(t *testing.T) {
	p := newParty(t, oidctest.Config{Audience: "https://api.example.com"}, nil)
	grant, err := p.signIn(bound())
	if err != nil {
		t.Fatal(err)
	}
	var verifier *oidc.Verifier
	var refusal error
	api := resource(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("DPoP-Nonce", verifier.Nonce())
		if _, refusal = verifier.Authenticate(r); refusal != nil {
			w.Header().Set("WWW-Authenticate", `DPoP error="use_dpop_nonce"`)
			w.WriteHeader(http.StatusUnauthorized)
		}
	})
	verifier, err = oidc.NewVerifier(oidc.VerifierConfig{
		Audience: []string{"https://api.example.com"}, Issuers: []oidc.TrustedIssuer{{Issuer: p.provider.Issuer()}},
		BaseURL: api.URL, RequireNonce: true, RequireBinding: true, Clock: p.clock,
	})
	if err != nil {
		t.Fatal(err)
	}
	sender := oidc.NewSender(p.clock)
	for _, c := range []struct {
		key    oidc.ProofKey
		status int
	}{{grant.Tokens.ProofKey(), 200}, {grant.Tokens.ProofKey(), 200}, {oidc.NewProofKey(), 401}, {oidc.ProofKey{}, 401}} {
		r, err := http.NewRequest(http.MethodGet, api.URL+"/a%2fb//c?q=1", nil)
		if err != nil {
			t.Fatal(err)
		}
		res, err := sender.Send(nil, r, grant.Tokens.AccessToken(), c.key)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if res.StatusCode != c.status {
			t.Errorf("status %d, want %d: %v", res.StatusCode, c.status, refusal)
		}
	}
}

func nonceOf(t *testing.T, proof string) string {
	t.Helper()
	said := decodeProof(t, proof)
	if said["jti"] == "" || said["htm"] == "" || strings.ContainsAny(fmt.Sprint(said["htu"]), "?#") {
		t.Errorf("the proof says %v", said)
	}
	nonce, _ := said["nonce"].(string)
	return nonce
}

func TestBoundTokensRoundTrip(t *testing.T) {
	set := oidc.TokenSet{AccessToken: "a.b.c", RefreshToken: "r", Issued: time.Unix(1_800_000_000, 0), ProofKey: oidc.NewProofKey()}
	bearer := set
	bearer.ProofKey = oidc.ProofKey{}
	packed := set.Pack()
	if got, want := len(packed.Bytes()), len(bearer.Pack().Bytes())+32; got != want {
		t.Errorf("%d bytes, want %d", got, want)
	}
	if key := bearer.Pack().ProofKey(); !key.IsZero() {
		t.Error("bearer tokens have a key")
	}
	for i := range packed.Bytes() {
		if _, err := oidc.ParseTokens(packed.Bytes()[:i]); err == nil {
			t.Errorf("the first %d bytes are tokens", i)
		}
	}
}

// decodeProof returns the claims of a proof.
func decodeProof(t *testing.T, proof string) (said map[string]any) {
	t.Helper()
	parts := strings.Split(proof, ".")
	if len(parts) != 3 {
		t.Errorf("not a proof: %q", proof)
		return nil
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(payload, &said); err != nil {
		t.Fatal(err)
	}
	return said
}
