package gatehouse

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/loopback"
	"github.com/gatehouse-go/gatehouse/internal/mistake"
	"github.com/gatehouse-go/gatehouse/internal/origin"
	"github.com/gatehouse-go/gatehouse/internal/outbound"
	"github.com/gatehouse-go/gatehouse/internal/replay"
	"github.com/gatehouse-go/gatehouse/oidc"
	"github.com/gatehouse-go/gatehouse/refresh"
)

// Downstream says which services calls go to, and which access token they carry.
// Origins is required. With nothing else it is the token of whoever the request is
// from; with an Audience, a Resource or Scopes one that their token is exchanged
// for; with Own one of the application's own.
type Downstream struct {
	// Origins are those that get the token, and nobody else: scheme, host and port
	// as in https://orders.internal:8443, without a path. http is for loopback only,
	// unless [Config.InsecureHTTP].
	Origins []string

	// Own sends a token that the application gets for itself with its own
	// credentials (RFC 6749 §4.4), whoever the request is from, if anybody.
	Own bool
	// Audience, Resource (RFC 8707) and Scopes say what the token is to be good for.
	// Without Own the user's token is exchanged for such a one (RFC 8693).
	Audience, Resource string
	Scopes             []string

	// Minter, where set, makes the token instead of the provider: a short-lived one
	// for Audience, which is then required, in the name of whoever the request is
	// from, or with Own in the application's. Resource and Scopes are for providers
	// alone.
	Minter *oidc.Minter
	// Claims says what a minted token says beside its sub; see [oidc.Minter.Mint]. who
	// is nil with Own. Default: nothing. A sub is somebody's at their issuer: where an
	// API trusts several, say here which one it is (who.Issuer()), or two people of one
	// name are one to the service.
	Claims func(who *Identity) map[string]any

	// Transport is used for every call. Default: one of the library's own, which
	// waits 30 s for an answer to begin.
	Transport http.RoundTripper
}

// Client returns an HTTP client that sends the access token of whoever the request
// is from to these origins, and to no others:
//
//	orders := gate.Client("https://orders.internal") // once
//	…
//	req, err := http.NewRequestWithContext(r.Context(), http.MethodGet, "https://orders.internal/orders", nil)
//	res, err := orders.Do(req)
//
// It finds out who that is by the context of the call, so that must be the
// request's: without an identity in it, or one that has no token, the call is an
// error. The token was made fresh before the handler ran; it is sent as a bearer
// token (RFC 6750), or with a proof where it is bound to the session's key (RFC
// 9449). A redirect to another origin is followed without it. Cookies of the Gate's
// own, which are in a request that is passed on, are left out.
//
// Where sessions are kept in a [Config.Store], a 401 has the token renewed and the
// request sent once more, if its body can be had again; so is a token that expired
// while the handler ran. A session in a cookie can't be written any more then: its
// next request renews it.
//
// Client panics, like [Mux.Handle], when an origin is none; see [Gate.Downstream] for
// those that aren't known before.
func (g *Gate) Client(origins ...string) *http.Client {
	return &http.Client{Transport: g.Transport(origins...)}
}

// Transport is the transport of [Gate.Client].
func (g *Gate) Transport(origins ...string) http.RoundTripper {
	transport, err := g.Downstream(Downstream{Origins: origins})
	if err != nil {
		panic(err.Error())
	}
	return transport
}

// Downstream returns a transport for calls to other services, like that of
// [Gate.Client]. Make one for each kind of call and keep it. Tokens of the
// application's own, and those that users' tokens were exchanged for, are remembered
// until shortly before they expire, and got once for all who wait for them; a 401
// has another one got and the request sent once more.
//
// The error joins every mistake, each naming its field. Errors of calls are an
// [*Error], good for [Gate.Fail].
func (g *Gate) Downstream(d Downstream) (http.RoundTripper, error) {
	transport := &downstream{gate: g, base: d.Transport, origins: map[string]bool{}}
	var mistakes []error
	for _, text := range d.Origins {
		its, err := calledOrigin(text, g.config.InsecureHTTP)
		if err != nil {
			mistakes = append(mistakes, err)
		}
		transport.origins[its] = true
	}
	if len(d.Origins) == 0 {
		mistakes = append(mistakes, mistake.Of("Origins", "at least one is required"))
	}
	target := oidc.Target{Audience: d.Audience, Resource: d.Resource, Scopes: append([]string(nil), d.Scopes...)}
	user := userToken{g}
	switch {
	case d.Minter != nil && (d.Audience == "" || d.Resource != "" || len(d.Scopes) > 0):
		mistakes = append(mistakes, mistake.Of("Minter", "takes an Audience, and neither Resource nor Scopes"))
	case d.Minter != nil:
		transport.source = &mintedToken{gate: g, minter: d.Minter, audience: d.Audience, own: d.Own, claims: d.Claims}
	case d.Claims != nil:
		mistakes = append(mistakes, mistake.Of("Claims", "is for a Minter"))
	case !d.Own && target.IsZero():
		transport.source = user
	case g.credentials == nil:
		mistakes = append(mistakes, mistake.Of("Own, Audience, Resource, Scopes", "take a Gate with a ClientID"))
	case d.Own && g.public:
		mistakes = append(mistakes, mistake.Of("Own", "takes a client with a secret or a key"))
	case d.Own:
		transport.source = &ownToken{issued: issued{gate: g, target: target}, key: g.ownKey}
	default:
		transport.source = &exchangedToken{issued: issued{gate: g, target: target}, user: user}
	}
	if transport.base == nil {
		transport.base = g.outbound
	}
	if err := errors.Join(mistakes...); err != nil {
		return nil, fmt.Errorf("gatehouse: invalid Downstream:\n%w", err)
	}
	return transport, nil
}

// answerPatience is how long a call waits for the answer to begin.
const answerPatience = 30 * time.Second

// calledOrigin checks an origin, and returns it as [origin.Of] does.
func calledOrigin(text string, insecureHTTP bool) (string, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil, u.Hostname() == "", u.User != nil, u.Opaque != "", u.Path != "" && u.Path != "/", u.RawQuery != "", u.ForceQuery, u.Fragment != "":
		return "", mistake.Of("Origins", fmt.Sprintf("%q is not an origin such as https://orders.internal", text))
	case u.Scheme == "http" && !insecureHTTP && !loopback.Host(u.Hostname()):
		return "", mistake.Of("Origins", fmt.Sprintf("%q: http is for loopback only", text))
	case u.Scheme != "https" && u.Scheme != "http":
		return "", mistake.Of("Origins", fmt.Sprintf("%q must be https", text))
	}
	return origin.Of(u), nil
}

// calls is what a Gate needs for calls to other services.
type calls struct {
	credentials *oidc.Client  // whom tokens are issued to; nil for nobody
	public      bool          // it has neither secret nor key, so nothing is issued to it alone
	ownKey      oidc.ProofKey // that they are bound to; none without Config.DPoP
	issued      *issuedTokens
	refused     *refusedTokens // of sessions, to be renewed by their next request
	flights     *refresh.Group
	sender      *oidc.Sender
	outbound    http.RoundTripper
}

func (g *Gate) makeCalls(credentials *oidc.Client) (err error) {
	g.credentials, g.public = credentials, g.config.ClientSecret == "" && g.config.ClientKey.IsZero()
	if g.config.DPoP {
		g.ownKey = oidc.NewProofKey()
	}
	g.sender = oidc.NewSender(g.config.Clock)
	g.outbound = outbound.Transport(func(t *http.Transport) { t.ResponseHeaderTimeout = answerPatience })
	g.flights, err = refresh.New(refresh.Config{Leeway: max(g.config.RefreshLeeway, 0), Clock: g.config.Clock})
	g.issued = newIssuedTokens(g.flights, g.config.Clock)
	g.refused = newRefusedTokens(g.config.Clock)
	return err
}

// makeServiceCalls is makeCalls for a Gate that signs nobody in.
func (g *Gate) makeServiceCalls() error {
	if g.config.ClientID == "" && g.config.ClientSecret == "" {
		return g.makeCalls(nil)
	}
	config := g.providerConfig()
	config.RedirectURL = ""
	credentials, err := oidc.NewServiceClient(config)
	return errors.Join(err, g.makeCalls(credentials))
}

// downstream adds an access token to requests to some origins.
type downstream struct {
	gate    *Gate
	origins map[string]bool
	source  tokenSource
	base    http.RoundTripper
}

var errElsewhere = errors.New("gatehouse: the request goes to an origin that gets no token")

// RoundTrip implements http.RoundTripper.
func (d *downstream) RoundTrip(r *http.Request) (*http.Response, error) {
	r = d.gate.withoutOurCookies(r)
	if !d.reaches(r) {
		return d.elsewhere(r)
	}
	given, err := d.source.current(r.Context())
	if err != nil {
		replay.CloseBody(r)
		return nil, err
	}
	res, err := d.send(r, given)
	if err != nil || res.StatusCode != http.StatusUnauthorized {
		return res, err
	}
	renewed, ok := d.source.renewed(r.Context(), given) // also for those who come next, where this can't be sent again
	if !ok {
		return res, nil
	}
	again, ok := replay.Request(r)
	if !ok {
		return res, nil
	}
	replay.Discard(res)
	return d.send(again, renewed)
}

// withoutOurCookies is r without what is nobody's business but ours: a request that is
// passed on, as by httputil.ReverseProxy, has the cookies of the one that came in, and who
// gets the session's is the person.
func (g *Gate) withoutOurCookies(r *http.Request) *http.Request {
	if g.sessions == nil {
		return r
	}
	return g.flows.jar.WithoutFamily(g.sessions.Without(r))
}

func (d *downstream) send(r *http.Request, carried carried) (*http.Response, error) {
	return d.gate.sender.Send(d.base, r, carried.token, carried.key)
}

// reaches reports whether a request, and every one that was redirected to it, goes
// where the token may go. Who was elsewhere in between chose the address, and must
// not choose what the token is used for.
func (d *downstream) reaches(r *http.Request) bool {
	for r != nil {
		// Of an address with an opaque part only a proxy knows where it goes.
		if r.URL.Opaque != "" || !d.origins[origin.Of(r.URL)] {
			return false
		}
		if r.Response == nil {
			return true
		}
		r = r.Response.Request
	}
	return false
}

// elsewhere follows a redirect without a token. A request that begins elsewhere is
// somebody's mistake.
func (d *downstream) elsewhere(r *http.Request) (*http.Response, error) {
	if r.Response == nil {
		replay.CloseBody(r)
		return nil, &Error{Status: http.StatusInternalServerError, Cause: errElsewhere}
	}
	bare := r.Clone(r.Context())
	bare.Header.Del("Authorization")
	bare.Header.Del("DPoP")
	return d.base.RoundTrip(bare)
}
