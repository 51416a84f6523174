package oidc

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/caught"
	"github.com/gatehouse-go/gatehouse/internal/claims"
	"github.com/gatehouse-go/gatehouse/internal/memo"
	"github.com/gatehouse-go/gatehouse/internal/secret"
	"golang.org/x/sync/singleflight"
)

const (
	// introspectionLifetime is how long an issuer's word is taken for: a token that
	// was revoked is good for no longer.
	introspectionLifetime = 30 * time.Second
	// refusalLifetime is how long its word against a token is, or one that makes it
	// good for something else.
	refusalLifetime = 10 * time.Second
	// maxRefusals bounds how many such tokens are remembered.
	maxRefusals = 4096
	// maxQuestions bounds how many questions are under way. Strangers may ask about
	// nonsense, and go away before there is an answer.
	maxQuestions = 256
)

// introspector asks an issuer about tokens.
type introspector struct {
	caller
	credentials credentials
	url         string // "" for the introspection_endpoint of metadata
	jwts        bool   // asks about JWTs too
	metadata    *discovery
	group       singleflight.Group
	asking      atomic.Int64                 // how many questions are under way
	refusals    *memo.Memo[string, *verdict] // apart, so that strangers' tokens push out no others
}

func newIntrospector(c caller, i Introspection, metadata *discovery, remembered int) *introspector {
	n := &introspector{
		caller:      c,
		credentials: credentials{cmp.Or(i.ClientAuth, "client_secret_basic"), i.ClientID, secret.New(i.ClientSecret)},
		url:         i.URL,
		jwts:        i.JWTs,
		metadata:    metadata,
	}
	if remembered >= 0 {
		n.refusals = memo.New[string, *verdict](maxRefusals)
	}
	return n
}

// verdict is why a token isn't accepted, and until when nobody is asked about it
// again.
type verdict struct {
	cause error
	until time.Time
}

// Error implements error.
func (v *verdict) Error() string { return v.cause.Error() }

// refuse remembers that a token isn't accepted, and returns that.
func (n *introspector) refuse(text string, cause error) error {
	v := &verdict{cause, n.clock().Add(refusalLifetime)}
	n.refusals.Put(nameOfToken(text), v)
	return v
}

// nameOfToken has a length that strangers have no say in.
func nameOfToken(text string) string {
	sum := sha256.Sum256([]byte(text))
	return string(sum[:])
}

var (
	errInactive      = errors.New("its issuer says that it is not active")
	errManyQuestions = errors.New("too many questions are under way")
)

// question is one about a token: what makes it needless, nil where nothing does, and
// what becomes of the answer.
type question struct {
	known  func() *AccessToken
	accept func(said map[string]any) (*AccessToken, error)
}

// ask returns what the issuer's word on a token makes of it (RFC 7662 §2.2). The error
// is a verdict where it is none of theirs, or not any more, or isn't accepted for what
// they say, now or a moment ago. However many ask about one token, one call is made.
func (n *introspector) ask(ctx context.Context, text string, q question) (*AccessToken, error) {
	if v := n.refused(text); v != nil {
		return nil, v
	}
	asking := n.group.DoChan(text, func() (_ any, err error) {
		defer caught.Into(&err, "introspection")
		if t := q.known(); t != nil { // by others, since this one looked
			return t, nil
		}
		if v := n.refused(text); v != nil { // likewise
			return nil, v
		}
		return n.settle(ctx, text, q)
	})
	select {
	case result := <-asking:
		t, _ := result.Val.(*AccessToken)
		return t, result.Err
	case <-ctx.Done():
		return nil, unavailable("introspection", ctx.Err())
	}
}

// refused is the verdict against a token, as long as that is remembered.
func (n *introspector) refused(text string) *verdict {
	if v, ok := n.refusals.Get(nameOfToken(text)); ok && n.clock().Before(v.until) {
		return v
	}
	return nil
}

// settle is what runs once.
func (n *introspector) settle(ctx context.Context, text string, q question) (*AccessToken, error) {
	defer n.asking.Add(-1)
	if n.asking.Add(1) > maxQuestions {
		return nil, fail(ErrUnavailable, "introspection", errManyQuestions)
	}
	ctx, done := n.background.begin(ctx)
	defer done()
	said, err := n.call(ctx, text)
	switch {
	case err == errInactive:
		return nil, n.refuse(text, err)
	case err != nil:
		return nil, err
	}
	t, err := q.accept(said)
	if err != nil {
		return nil, n.refuse(text, err)
	}
	return t, nil
}

func (n *introspector) call(ctx context.Context, text string) (map[string]any, error) {
	const op = "introspection"
	r, err := n.request(ctx, text)
	if err != nil {
		return nil, err
	}
	res, err := n.http.Do(r)
	if err != nil {
		return nil, unavailable(op, err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	switch {
	case err != nil:
		return nil, unavailable(op, err)
	case res.StatusCode == http.StatusUnauthorized || res.StatusCode == http.StatusForbidden:
		n.log.ErrorContext(ctx, "oidc: the issuer refuses our introspection client", "issuer", n.issuer, "status", res.StatusCode)
		return nil, &Error{Op: op, Status: res.StatusCode, kind: ErrClient}
	case res.StatusCode != http.StatusOK:
		return nil, &Error{Op: op, Status: res.StatusCode, kind: ErrUnavailable}
	}
	said, err := claims.Parse(body)
	if err != nil {
		return nil, unavailable(op, err)
	}
	if said["active"] != true {
		return nil, errInactive
	}
	delete(said, "active")
	return said, nil
}

func (n *introspector) request(ctx context.Context, text string) (*http.Request, error) {
	address := n.url
	if address == "" {
		m, err := n.metadata.get(ctx)
		if err != nil {
			return nil, err
		}
		if address = m.introspection; address == "" {
			return nil, fail(ErrClient, "introspection", errors.New("the issuer has no introspection_endpoint"))
		}
	}
	form := url.Values{"token": {text}, "token_type_hint": {"access_token"}}
	r, err := n.credentials.post(ctx, address, form)
	if err != nil {
		return nil, unavailable("introspection", err)
	}
	r.Header.Set("Accept", "application/json")
	return r, nil
}

// checkIntrospected holds what an issuer says of a token against what it is
// trusted for (RFC 7662 §4). Where it doesn't say when the token expires it is
// asked again.
func (i *trusted) checkIntrospected(said map[string]any, now time.Time) (expires time.Time, err error) {
	if iss, there := said["iss"]; there && iss != i.Issuer {
		return time.Time{}, errors.New("iss is another issuer")
	}
	if kind, there := said["token_type"]; there {
		text, _ := kind.(string)
		if !strings.EqualFold(text, "Bearer") && !strings.EqualFold(text, "DPoP") && !strings.EqualFold(text, "access_token") {
			return time.Time{}, errors.New("token_type is of another kind of token")
		}
	}
	said["iss"] = i.Issuer
	if err := i.check(said, true); err != nil { // no ID token is opaque
		return time.Time{}, err
	}
	if _, there := said["exp"]; !there {
		return now.Add(introspectionLifetime), checkBegun(said, now)
	}
	return checkTimes(said, now)
}
