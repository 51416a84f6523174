package gatehouse

import (
	"errors"
	"fmt"
	"strings"

	"github.com/gatehouse-go/gatehouse/internal/mistake"
	"github.com/gatehouse-go/gatehouse/oidc"
	"github.com/gatehouse-go/gatehouse/refresh"
)

// NewResourceServer makes a Gate for an API that signs nobody in: it has no
// sessions and no endpoints, and accepts nothing but access tokens. Put [Gate.API]
// in front of [Gate.Require] or [Gate.Mux]; the other establishers find nobody.
//
// Of config, API.Audience is required, and Issuer or API.Issuers. BaseURL is needed
// for tokens that are bound to a DPoP key. ErrorHandler, HTTPClient, Logger, Clock,
// Policy and InsecureHTTP do what they always do. ClientID, ClientSecret,
// ClientKey, IssuerAudience, ClientAuth and DPoP are for the API's own calls to other
// services, see [Gate.Downstream]. SessionKeys, Store, Revocations and Coordinator are
// mistakes, and the rest has no meaning.
func NewResourceServer(config Config) (*Gate, error) {
	var mistakes []error
	note := func(err error) {
		if err != nil {
			mistakes = append(mistakes, err)
		}
	}
	for _, field := range []struct {
		name string
		set  bool
	}{
		{"SessionKeys", len(config.SessionKeys) > 0},
		{"Store", config.Store != nil},
		{"Revocations", config.Revocations != nil},
		{"Coordinator", config.Coordinator != nil},
	} {
		if field.set {
			note(mistake.Of(field.name, "is for signing people in; make the Gate with New"))
		}
	}
	if config.API.Issuers == nil {
		if err := checkOnlyIssuer(config); err != nil {
			note(err)
			config.Issuer = "https://issuer.invalid" // so that nobody says it again
		}
	}
	if len(config.API.Audience) == 0 && config.API.isZero() {
		note(mistake.Of("API.Audience", "is required"))
	}
	based := config.BaseURL != ""
	if !based {
		config.BaseURL = "https://base-url.invalid" // to be none in a moment
	}
	config, err := config.withDefaults()
	note(err)
	if !based {
		config.BaseURL = ""
	}

	g := &Gate{config: config, log: config.Logger, denials: newDenials(config)}
	g.watches = newWatches(g.denials, &cookieVault{}, g.config)
	g.policy, err = config.Policy.Compile()
	note(mistake.From("Policy", err))
	g.renewals, err = refresh.New(refresh.Config{Clock: config.Clock})
	note(err)
	g.moments, err = refresh.New(refresh.Config{Clock: config.Clock})
	note(err)
	g.pages, err = newPages(config.BaseURL, config.AuthPath)
	note(err)
	note(g.makeBearers())
	note(g.makeServiceCalls())
	if err := errors.Join(mistakes...); err != nil {
		return nil, fmt.Errorf("gatehouse: invalid configuration:\n%w", err)
	}
	g.config.ClientSecret = "" // the client of its own calls keeps it where nothing prints it
	return g, nil
}

// checkOnlyIssuer checks the Issuer where there are no API.Issuers, as one of which it
// would be named otherwise.
func checkOnlyIssuer(c Config) error {
	if c.Issuer == "" {
		return mistake.Of("Issuer", "is required, or API.Issuers")
	}
	only := []oidc.TrustedIssuer{{Issuer: c.Issuer, Audience: []string{"any"}}}
	if _, err := oidc.NewVerifier(oidc.VerifierConfig{Issuers: only, InsecureHTTP: c.InsecureHTTP}); err != nil {
		return errors.New(strings.TrimPrefix(err.Error(), "Issuers[0]."))
	}
	return nil
}

var errSignsNobodyIn = errors.New("gatehouse: this Gate is a resource server, and signs nobody in")
