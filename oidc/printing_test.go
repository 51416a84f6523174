package oidc_test

import (
	"encoding/json"
	"io"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/canary"
	"github.com/gatehouse-go/gatehouse/oidc"
)

// TestNothingPrintsSecrets: whatever holds one, by whichever verb, in JSON and in a log.
func TestNothingPrintsSecrets(t *testing.T) {
	const said = "a-secret-that-nobody-may-see"
	key := oidc.NewProofKey()
	tokens := oidc.TokenSet{AccessToken: said, RefreshToken: said, IDToken: said, ProofKey: key, Expires: time.Unix(1_800_000_000, 0)}
	w := canary.New(t)
	w.Secret(canary.AccessToken, said)
	w.Secret(canary.ProofKey, string(key.Bytes()))
	log := w.Logger(io.Discard)
	for name, value := range map[string]any{
		"Config":         oidc.Config{ClientSecret: said},
		"VerifierConfig": oidc.VerifierConfig{NonceSecret: []byte(said), Issuers: []oidc.TrustedIssuer{{HMACSecret: []byte(said)}}},
		"TrustedIssuer":  oidc.TrustedIssuer{HMACSecret: []byte(said), Introspection: &oidc.Introspection{ClientSecret: said}},
		"Introspection":  oidc.Introspection{ClientSecret: said},
		"MinterConfig":   oidc.MinterConfig{Keys: []oidc.SigningKey{oidc.NewSigningKey()}},
		"AuthRequest":    oidc.AuthRequest{State: said, Nonce: said, CodeVerifier: said, ProofKey: key},
		"Callback":       oidc.Callback{Code: said, State: said},
		"EndSession":     oidc.EndSession{IDToken: said, State: said},
		"TokenSet":       tokens,
		"Tokens":         tokens.Pack(),
		"Grant":          oidc.Grant{Tokens: tokens.Pack()},
		"ProofKey":       key,
	} {
		w.Print(name, value, &value)
		w.Print("a list of "+name, []any{value})
		w.Print("a field with "+name, struct{ Value any }{value})
		log.Info(name, "value", value, "pointer", &value)
		switch value.(type) {
		case oidc.AuthRequest, oidc.Callback, oidc.EndSession, oidc.MinterConfig: // which an application may keep as JSON, or can't
		default:
			encoded, err := json.Marshal(value)
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			w.Look("the JSON of "+name, string(encoded))
		}
	}
}
