package gatehouse

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"

	"github.com/gatehouse-go/gatehouse/cookie"
	"github.com/gatehouse-go/gatehouse/oidc"
)

// ConfigFromEnv fills a [Config] from the environment, for twelve-factor
// applications:
//
//	OIDC_ISSUER         Issuer, required
//	OIDC_CLIENT_ID      ClientID, required
//	OIDC_CLIENT_SECRET  ClientSecret; unset for a public client
//	BASE_URL            BaseURL, required
//	SESSION_KEYS        SessionKeys, required: base64, separated by commas
//	OIDC_SCOPES         Scopes, separated by spaces
//	OIDC_PROMPT         Prompt
//	OIDC_SKIP_CONSENT   SkipConsent, when "1" or "true"
//	OIDC_DPOP           DPoP, likewise
//	OIDC_PAR            PushedRequests, likewise
//	API_AUDIENCE        API.Audience, one; unset, no access tokens are accepted
//	API_ISSUERS         API.Issuers, separated by commas; unset, Issuer alone
//
// Logger is [slog.Default].
//
// All missing and malformed variables are reported in one error. [New] checks
// the values themselves.
func ConfigFromEnv() (Config, error) {
	var mistakes []error
	required := func(name string) string {
		value := os.Getenv(name)
		if value == "" {
			mistakes = append(mistakes, fmt.Errorf("%s: is required", name))
		}
		return value
	}
	config := Config{
		Issuer:       required("OIDC_ISSUER"),
		ClientID:     required("OIDC_CLIENT_ID"),
		ClientSecret: os.Getenv("OIDC_CLIENT_SECRET"),
		BaseURL:      required("BASE_URL"),
		Prompt:       os.Getenv("OIDC_PROMPT"),
		Logger:       slog.Default(),
	}
	keys, err := cookie.ParseKeys(os.Getenv("SESSION_KEYS"))
	if err != nil {
		mistakes = append(mistakes, fmt.Errorf("SESSION_KEYS: %w", err))
	}
	config.SessionKeys = keys
	if scopes := strings.Fields(os.Getenv("OIDC_SCOPES")); len(scopes) > 0 {
		config.Scopes = scopes
	}
	if audience := os.Getenv("API_AUDIENCE"); audience != "" {
		config.API.Audience = []string{audience}
	}
	for issuer := range strings.SplitSeq(os.Getenv("API_ISSUERS"), ",") {
		if issuer = strings.TrimSpace(issuer); issuer != "" {
			config.API.Issuers = append(config.API.Issuers, oidc.TrustedIssuer{Issuer: issuer})
		}
	}
	if config.API.Issuers != nil && config.API.Audience == nil {
		mistakes = append(mistakes, errors.New("API_AUDIENCE: is required beside API_ISSUERS"))
	}
	for _, flag := range []struct {
		name string
		into *bool
	}{
		{"OIDC_SKIP_CONSENT", &config.SkipConsent},
		{"OIDC_DPOP", &config.DPoP},
		{"OIDC_PAR", &config.PushedRequests},
	} {
		switch value := os.Getenv(flag.name); value {
		case "", "0", "false":
		case "1", "true":
			*flag.into = true
		default:
			mistakes = append(mistakes, fmt.Errorf("%s: must be 0 or 1, is %q", flag.name, value))
		}
	}
	return config, errors.Join(mistakes...)
}
