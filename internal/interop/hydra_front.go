package interop

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"
	"time"
)

// hydra is a child process, and what stands in front of it: pages to sign in, to
// consent and to sign out, which Hydra leaves to others, and a relay that knows when
// applications have been told of a sign-out.
type hydra struct {
	server        *Server
	public, admin http.RoundTripper
	relay         *http.Client
	told          chan struct{}
	keys          int // that were given to it
}

// hydraSocket is the way to a Unix socket, whatever the address.
func hydraSocket(path string) http.RoundTripper {
	return &http.Transport{
		DisableKeepAlives: true, // nothing is left behind
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", path)
		},
	}
}

// trustingClient trusts the certificate that applications have.
func trustingClient(t testing.TB) *http.Client {
	server := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(server.Close)
	return server.Client()
}

func (h *hydra) handler() http.Handler {
	issuer, _ := url.Parse(h.server.Issuer)
	mux := http.NewServeMux()
	mux.Handle("/", &httputil.ReverseProxy{
		Transport: h.public,
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(&url.URL{Scheme: "http", Host: issuer.Host})
			r.Out.Host = r.In.Host
		},
		ModifyResponse: h.awaitTold,
	})
	// Introspection is at the admin address, which only services reach.
	mux.Handle("POST /introspect", &httputil.ReverseProxy{
		Transport: h.admin,
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Scheme, r.Out.URL.Host, r.Out.URL.Path = "http", "hydra", "/admin/oauth2/introspect"
		},
	})
	mux.HandleFunc("POST /backchannel", h.passOn)
	h.addPages(mux)
	return mux
}

// passOn brings a logout token to the application, and notes it.
func (h *hydra) passOn(w http.ResponseWriter, r *http.Request) {
	defer func() { h.told <- struct{}{} }()
	form, err := peek(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	res, err := h.relay.PostForm(h.server.Client.BackchannelLogoutURI, form)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	defer res.Body.Close()
	h.server.ledger.noteLogout(form.Get("logout_token"), res.StatusCode)
	w.WriteHeader(res.StatusCode)
	_, _ = io.Copy(w, res.Body)
}

// awaitTold holds the end of a sign-out back until the application knows: Hydra
// tells it at its leisure, and tests want to see what comes of it.
func (h *hydra) awaitTold(res *http.Response) error {
	if !res.Request.URL.Query().Has("logout_verifier") || !h.server.Traits.Backchannel || res.StatusCode >= 400 {
		return nil
	}
	select {
	case <-h.told:
	case <-time.After(time.Minute):
	}
	return nil
}

// register makes the client known.
func (h *hydra) register(t testing.TB, settings HydraSettings) {
	t.Helper()
	c := h.server.Client
	metadata := map[string]any{
		"client_id":                  c.ID,
		"token_endpoint_auth_method": c.Auth,
		"redirect_uris":              []string{c.RedirectURI},
		"post_logout_redirect_uris":  []string{c.PostLogoutRedirectURI},
		"grant_types":                []string{"authorization_code", "refresh_token", "client_credentials"},
		"response_types":             []string{"code"},
		"scope":                      strings.Join(h.server.Traits.Scopes, " "),
		"audience":                   []string{Resource},
	}
	if c.Secret != "" {
		metadata["client_secret"] = c.Secret
	}
	if keys := c.jwks(t); keys != nil {
		metadata["jwks"], metadata["token_endpoint_auth_signing_alg"] = keys, "ES256" // or only RS256 is
	}
	if settings.Frontchannel {
		metadata["frontchannel_logout_uri"] = c.FrontchannelLogoutURI
		metadata["frontchannel_logout_session_required"] = true
	} else {
		metadata["backchannel_logout_uri"] = h.server.Issuer + "/backchannel"
		metadata["backchannel_logout_session_required"] = true
	}
	if err := h.ask(t.Context(), http.MethodPost, "/admin/clients", nil, metadata, nil); err != nil {
		t.Fatal(err)
	}
}

// rekey has another key sign ID tokens and access tokens. It is made here: Hydra's own,
// of 4096 bits, may take longer than the ten seconds in which it must answer.
func (h *hydra) rekey(t testing.TB) {
	t.Helper()
	key := keyNumber(t, h.keys)
	h.keys++
	for _, set := range []string{"hydra.openid.id-token", "hydra.jwt.access-token"} {
		key.KeyID = rand.Text()
		if err := h.ask(t.Context(), http.MethodPut, "/admin/keys/"+set+"/"+key.KeyID, nil, key, nil); err != nil {
			t.Fatal(err)
		}
	}
}

// ask calls the admin API.
func (h *hydra) ask(ctx context.Context, method, path string, query url.Values, body, into any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, method, "http://hydra"+path+"?"+query.Encode(), strings.NewReader(string(text)))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	res, err := h.admin.RoundTrip(r)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	if res.StatusCode >= 400 {
		return fmt.Errorf("hydra: %s %s: %s: %s", method, path, res.Status, answer)
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(answer, into)
}
