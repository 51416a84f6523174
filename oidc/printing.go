package oidc

import (
	"fmt"
	"log/slog"
)

// Format prints the configuration without its secrets, whatever the verb.
func (c Config) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "oidc.Config{Issuer: %q, ClientID: %q, RedirectURL: %q}", c.Issuer, c.ClientID, c.RedirectURL)
}

// LogValue logs the configuration without its secrets.
func (c Config) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(c)) }

// MarshalJSON encodes the configuration without its secrets.
func (c Config) MarshalJSON() ([]byte, error) { return fmt.Appendf(nil, "%q", fmt.Sprint(c)), nil }

// Format prints the request without its secrets, whatever the verb.
func (r AuthRequest) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "oidc.AuthRequest{Prompt: %q, ACRValues: %q}", r.Prompt, r.ACRValues)
}

// LogValue logs the request without its secrets.
func (r AuthRequest) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(r)) }

// Format prints the answer without its code and state, whatever the verb.
func (c Callback) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "oidc.Callback{Iss: %q, Error: %q}", c.Iss, c.Error)
}

// LogValue logs the answer without its code and state.
func (c Callback) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(c)) }

// Format prints the parameters without the ID token and the state, whatever the verb.
func (e EndSession) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "oidc.EndSession{PostLogoutRedirectURI: %q}", e.PostLogoutRedirectURI)
}

// LogValue logs the parameters without the ID token and the state.
func (e EndSession) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(e)) }
