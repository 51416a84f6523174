package oidc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	gooidc "github.com/coreos/go-oidc/v3/oidc"
	"github.com/gatehouse-go/gatehouse/internal/caught"
	"github.com/gatehouse-go/gatehouse/internal/claims"
	"github.com/gatehouse-go/gatehouse/internal/loopback"
	"golang.org/x/sync/singleflight"
)

const (
	discoveryLifetime = time.Hour
	// failureMemory is how long a failed discovery answers for others.
	failureMemory = time.Second
	// stalePatience is how long somebody waits for a newer document who could go
	// on with the old one.
	stalePatience = 2 * time.Second
)

// metadata is what the library needs of a discovery document (OpenID Connect
// Discovery 1.0 §3, RFC 8414 §2).
type metadata struct {
	authorization, token, jwks       string
	userinfo, revocation, endSession string   // "" where not offered
	introspection, pushed            string   // likewise
	algorithms                       []string // that it signs ID tokens by; nil: not stated
	authMethods                      []string // nil: not stated
	scopes                           []string
	proofAlgorithms                  []string // of DPoP proofs; nil: not stated
	issInCallback                    bool     // RFC 9207 §3
	requirePushed                    bool     // RFC 9126 §5
	quirks                           quirks
}

// discovery finds the provider's endpoints when they are first needed, once for
// all who wait, and again every hour.
type discovery struct {
	caller
	required []string // endpoints that there must be
	group    singleflight.Group

	mu      sync.Mutex
	known   *metadata
	fetched time.Time
	failure error
	failed  time.Time
}

func newDiscovery(c caller, required ...string) *discovery {
	return &discovery{caller: c, required: required}
}

// jwks is where the keys are.
func (d *discovery) jwks(ctx context.Context) (string, error) {
	m, err := d.get(ctx)
	if err != nil {
		return "", err
	}
	return m.jwks, nil
}

// get returns the metadata. While it is being refreshed, and when that fails,
// the old one serves.
func (d *discovery) get(ctx context.Context) (*metadata, error) {
	known, err, settled := d.remembered()
	if settled {
		return known, err
	}
	fetching := d.group.DoChan("", func() (_ any, err error) {
		defer caught.Into(&err, "discovery")
		if known, err, settled := d.remembered(); settled { // by others, since this one looked
			return known, err
		}
		ctx, done := d.background.begin(ctx)
		defer done()
		return d.fetch(ctx)
	})
	var patience <-chan time.Time
	if known != nil {
		timer := time.NewTimer(stalePatience)
		defer timer.Stop()
		patience = timer.C
	}
	select {
	case result := <-fetching:
		if result.Err != nil && known != nil {
			return known, nil
		}
		found, _ := result.Val.(*metadata)
		return found, result.Err
	case <-patience:
		return known, nil
	case <-ctx.Done():
		return nil, unavailable("discovery", ctx.Err())
	}
}

// remembered returns what is known; settled says that it need not be fetched
// now.
func (d *discovery) remembered() (known *metadata, err error, settled bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.clock()
	switch {
	case d.known != nil && now.Sub(d.fetched) < discoveryLifetime:
		return d.known, nil, true
	case d.failure != nil && within(failureMemory, d.failed, now):
		if d.known != nil {
			return d.known, nil, true
		}
		return nil, d.failure, true
	}
	return d.known, nil, false
}

// within reports whether something was less than d ago. By a clock that was set
// back since it wasn't: nobody waits for one to come round again.
func within(d time.Duration, then, now time.Time) bool {
	ago := now.Sub(then)
	return 0 <= ago && ago < d
}

// fetch tries three times, unless the provider's word is clear.
func (d *discovery) fetch(ctx context.Context) (*metadata, error) {
	var found *metadata
	err := error(nil)
	for attempt := range 3 {
		if attempt > 0 {
			select {
			case <-time.After(time.Duration(attempt) * 150 * time.Millisecond):
			case <-ctx.Done():
			}
		}
		if found, err = d.discover(ctx); err == nil || !errors.Is(err, ErrUnavailable) || ctx.Err() != nil {
			break
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if err != nil {
		d.failure, d.failed = err, d.clock()
		d.log.WarnContext(ctx, "oidc: discovery failed", "issuer", d.issuer, "cause", err)
		return nil, err
	}
	d.known, d.fetched, d.failure = found, d.clock(), nil
	return found, nil
}

// discover reads the document once.
func (d *discovery) discover(ctx context.Context) (*metadata, error) {
	const op = "discovery"
	client, status := d.noting()
	provider, err := gooidc.NewProvider(gooidc.ClientContext(ctx, client), d.issuer)
	var mismatch *gooidc.IssuerMismatchError
	switch {
	case errors.As(err, &mismatch):
		return nil, fail(ErrToken, op, fmt.Errorf("the document is of another issuer than %q: it says %.200q", d.issuer, mismatch.Discovered))
	case err != nil && *status != 0: // go-oidc puts the provider's body into err
		return nil, &Error{Op: op, Status: *status, kind: ErrUnavailable, cause: fmt.Errorf("no document at %s", d.address())}
	case err != nil:
		return nil, unavailable(op, err)
	}
	var raw json.RawMessage
	if err := provider.Claims(&raw); err != nil {
		return nil, unavailable(op, err)
	}
	document, err := claims.Parse(raw)
	if err != nil {
		return nil, fail(ErrToken, op, err)
	}
	return d.readMetadata(document)
}

// address is where the document has to be (OpenID Connect Discovery 1.0 §4).
func (d *discovery) address() string {
	return strings.TrimSuffix(d.issuer, "/") + discoveryPath
}

func (d *discovery) readMetadata(document map[string]any) (*metadata, error) {
	m := &metadata{
		authMethods:     stringsOf(document["token_endpoint_auth_methods_supported"]),
		scopes:          stringsOf(document["scopes_supported"]),
		algorithms:      stringsOf(document["id_token_signing_alg_values_supported"]),
		proofAlgorithms: stringsOf(document["dpop_signing_alg_values_supported"]),
		issInCallback:   document["authorization_response_iss_parameter_supported"] == true,
		requirePushed:   document["require_pushed_authorization_requests"] == true,
		quirks:          quirksOf(d.issuer, document),
	}
	var mistakes []error
	for _, endpoint := range []struct {
		name string
		into *string
	}{
		{"authorization_endpoint", &m.authorization},
		{"token_endpoint", &m.token},
		{"jwks_uri", &m.jwks},
		{"userinfo_endpoint", &m.userinfo},
		{"revocation_endpoint", &m.revocation},
		{"introspection_endpoint", &m.introspection},
		{"pushed_authorization_request_endpoint", &m.pushed},
		{"end_session_endpoint", &m.endSession},
	} {
		address, _ := document[endpoint.name].(string)
		if address == "" {
			if slices.Contains(d.required, endpoint.name) {
				mistakes = append(mistakes, fmt.Errorf("%s is missing", endpoint.name))
			}
			continue
		}
		if u, err := url.Parse(address); err != nil || u.Fragment != "" || !d.mayName(u) {
			mistakes = append(mistakes, fmt.Errorf("%s is not an https address", endpoint.name))
			continue
		}
		*endpoint.into = address
	}
	if document["issuer"] != d.issuer { // by exact name; go-oidc reads it in any case
		mistakes = append(mistakes, errors.New("issuer is another one"))
	}
	if err := errors.Join(mistakes...); err != nil {
		return nil, fail(ErrToken, "discovery", err)
	}
	return m, nil
}

// mayName reports whether an endpoint may be at that address: https, or plain http where
// the issuer itself is on loopback. A document from elsewhere has no say in what is asked
// of the services on this machine.
func (d *discovery) mayName(u *url.URL) bool {
	if !secure(u, d.insecureHTTP) {
		return false
	}
	its, err := url.Parse(d.issuer)
	return u.Scheme == "https" || d.insecureHTTP || err == nil && loopback.Host(its.Hostname())
}

// algorithms pins what ID tokens may be signed by.
func (c *Client) algorithms(m *metadata) []string {
	if c.config.SigningAlgs != nil {
		return c.config.SigningAlgs
	}
	allowed := slices.DeleteFunc(slices.Clone(m.algorithms), func(alg string) bool { return !slices.Contains(asymmetric, alg) })
	if len(allowed) == 0 {
		return []string{"RS256"} // what every provider must support (Core §15.1)
	}
	return allowed
}

func stringsOf(value any) []string {
	list, _ := value.([]any)
	var texts []string
	for _, element := range list {
		if text, ok := element.(string); ok {
			texts = append(texts, text)
		}
	}
	return texts
}
