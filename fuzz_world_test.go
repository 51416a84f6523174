package gatehouse

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/cookie"
	"github.com/gatehouse-go/gatehouse/oidc"
	"github.com/gatehouse-go/gatehouse/oidc/oidctest"
)

// fuzzed is a gate for fuzz targets: its keys are always the same, its provider is
// a table of answers, and its clock goes on only where a target wants it to.
type fuzzed struct {
	*Gate
	now     time.Time
	answers map[string]func(*http.Request) string // JSON, by path; "" is invalid_grant
	calls   map[string]int                        // by path
}

const (
	fuzzBase   = "https://app.example"
	fuzzIssuer = "https://idp.example"
	fuzzSecret = "a client secret that is long enough"
	fuzzKey    = "c2FtZSBrZXlzIGZvciBldmVyeSBmdXp6IHRhcmdldCE="
)

func newFuzzed(t testing.TB, change func(*Config)) *fuzzed {
	t.Helper()
	keys, err := cookie.ParseKeys(fuzzKey)
	if err != nil {
		t.Fatal(err)
	}
	fz := &fuzzed{now: time.Unix(1_800_000_000, 0), answers: map[string]func(*http.Request) string{}, calls: map[string]int{}}
	fz.answers["/.well-known/openid-configuration"] = func(*http.Request) string {
		return `{"issuer":"` + fuzzIssuer + `","authorization_endpoint":"` + fuzzIssuer + `/authorize","token_endpoint":"` + fuzzIssuer + `/token",` +
			`"jwks_uri":"` + fuzzIssuer + `/jwks","id_token_signing_alg_values_supported":["HS256"],"authorization_response_iss_parameter_supported":false}`
	}
	fz.answers["/jwks"] = func(*http.Request) string { return `{"keys":[]}` }
	config := Config{
		Issuer: fuzzIssuer, ClientID: "app", ClientSecret: fuzzSecret, BaseURL: fuzzBase, SessionKeys: keys,
		SigningAlgs: []string{"HS256"}, SkipUserinfo: true, Scopes: []string{"openid"},
		HTTPClient: &http.Client{Transport: fz}, Clock: func() time.Time { return fz.now },
	}
	if change != nil {
		change(&config)
	}
	if fz.Gate, err = New(config); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = fz.Close() })
	return fz
}

// RoundTrip answers as the provider.
func (fz *fuzzed) RoundTrip(r *http.Request) (*http.Response, error) {
	fz.calls[r.URL.Path]++
	if r.Body != nil {
		defer r.Body.Close()
		_ = r.ParseForm()
	}
	status, body := http.StatusOK, ""
	if answer := fz.answers[r.URL.Path]; answer != nil {
		body = answer(r)
	}
	if body == "" {
		status, body = http.StatusBadRequest, `{"error":"invalid_grant"}`
	}
	return &http.Response{
		StatusCode: status, Header: http.Header{"Content-Type": {"application/json"}},
		Body: io.NopCloser(strings.NewReader(body)), Request: r,
	}, nil
}

// sign is a JWT of the provider's.
func (fz *fuzzed) sign(typ string, said map[string]any) string {
	token := &oidctest.JWT{Header: map[string]any{"typ": typ}, Claims: said}
	token.SignWith(oidctest.HMACKey("HS256", []byte(fuzzSecret)))
	return token.Sign()
}

// person keeps a session of somebody's, and returns whose it is, and its cookie.
func (fz *fuzzed) person(t testing.TB, subject string) (who *Identity, text string) {
	t.Helper()
	s := session{id: newSessionID(), begun: fz.now.UnixMilli(), seen: fz.now.Unix(), ends: fz.now.Add(time.Hour).Unix()}
	s.tokens = oidc.TokenSet{AccessToken: "an access token", Expires: fz.now.Add(time.Hour)}.Pack()
	if err := s.setLayers(layers{under: map[string]any{"iss": fuzzIssuer, "sub": subject, "aud": "app"}}); err != nil {
		t.Fatal(err)
	}
	text, err := fz.vault.begin(context.Background(), &s)
	if err != nil {
		t.Fatal(err)
	}
	who, err = fz.vault.open(context.Background(), text)
	if err != nil || who == nil {
		t.Fatal("not kept: ", err)
	}
	fz.enter(context.Background(), who.session(), "")
	return who, text
}
