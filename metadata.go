package gatehouse

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/loopback"
	"github.com/gatehouse-go/gatehouse/internal/mistake"
	"github.com/gatehouse-go/gatehouse/oidc"
)

// metadata is a document that tells clients where to get access tokens for an API
// (RFC 9728).
type metadata struct {
	path string // of the document
	url  string
	body []byte
}

const (
	metadataPath     = "/.well-known/oauth-protected-resource"
	metadataLifetime = time.Hour
)

// newMetadata is nil where the API has no resource identifier.
func newMetadata(c Config) (*metadata, error) {
	if c.API.Resource == "" {
		return nil, nil
	}
	resource, err := url.Parse(c.API.Resource)
	if err != nil || resource.Host == "" || resource.User != nil || resource.RawQuery != "" || resource.Fragment != "" ||
		resource.Scheme != "https" && (resource.Scheme != "http" || !loopback.Host(resource.Hostname())) {
		return nil, mistake.Of("Resource", "must be an https URL without a query, such as \"https://api.example.com\"")
	}
	// The well-known part goes between host and path (§3).
	path := metadataPath + strings.TrimSuffix(resource.EscapedPath(), "/")
	document := map[string]any{
		"resource":                 c.API.Resource,
		"bearer_methods_supported": []string{"header"},
	}
	if servers := issuersOf(c); len(servers) > 0 {
		document["authorization_servers"] = servers
	}
	if c.API.Scopes != nil {
		document["scopes_supported"] = c.API.Scopes
	}
	if c.BaseURL != "" {
		document["dpop_signing_alg_values_supported"] = oidc.ProofAlgorithms()
	}
	body, err := json.Marshal(document)
	if err != nil {
		return nil, mistake.Of("Scopes", "can't be encoded")
	}
	return &metadata{path: path, url: resource.Scheme + "://" + resource.Host + path, body: append(body, '\n')}, nil
}

// issuersOf are the authorization servers, whose names are URLs (RFC 8414 §2). Who
// signs by a secret or a key that was given is a service of one's own, which gives
// strangers no tokens and is none of their business.
func issuersOf(c Config) []string {
	if c.API.Issuers == nil {
		return []string{c.Issuer}
	}
	names := []string{}
	for _, issuer := range c.API.Issuers {
		if u, err := url.Parse(issuer.Issuer); err == nil && u.Host != "" && issuer.HMACSecret == nil && issuer.PEM == nil {
			names = append(names, issuer.Issuer)
		}
	}
	return names
}

// address is what challenges point to; "" where there is nothing.
func (m *metadata) address() string {
	if m == nil {
		return ""
	}
	return m.url
}

// at reports whether a local address is the document's.
func (m *metadata) at(address string) bool {
	u, err := url.Parse(address)
	return m != nil && err == nil && u.EscapedPath() == m.path
}

// serveMetadata answers a request for the document. It is for everybody, scripts of
// other origins included, whatever headers they send along.
func (g *Gate) serveMetadata(w http.ResponseWriter, r *http.Request) bool {
	m, header := g.metadata, w.Header()
	if m == nil || r.URL.EscapedPath() != m.path {
		return false
	}
	if !allowMethods(w, r, http.MethodGet, http.MethodHead, http.MethodOptions) {
		g.Fail(w, r, &Error{Status: http.StatusMethodNotAllowed})
		return true
	}
	if r.Method == http.MethodOptions { // browsers ask before they send those (Fetch §3.3.5)
		header.Set("Allow", "GET, HEAD, OPTIONS")
		header.Set("Access-Control-Allow-Origin", "*")
		header.Set("Access-Control-Allow-Headers", "*")
		w.WriteHeader(http.StatusNoContent)
		return true
	}
	header.Set("Content-Type", "application/json")
	header.Set("Cache-Control", "public, max-age="+strconv.Itoa(int(metadataLifetime/time.Second)))
	header.Set("Access-Control-Allow-Origin", "*")
	header.Set("X-Content-Type-Options", "nosniff")
	_, _ = w.Write(m.body)
	return true
}
