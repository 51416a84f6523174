package oidc

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/origin"
	"github.com/gatehouse-go/gatehouse/internal/replay"
	"github.com/gatehouse-go/gatehouse/internal/shelf"
)

// Sender sends requests with access tokens: bearer tokens (RFC 6750 §2.1), and
// those that are bound to a key, with a proof of it (RFC 9449 §7.1). It remembers
// the nonces that servers want to see in proofs. It is safe for concurrent use and
// needs no closing.
type Sender struct {
	clock func() time.Time

	mu     sync.Mutex
	nonces *shelf.Shelf[string, string] // by server
}

const (
	// nonceServers is of how many servers nonces are remembered, and nonceMemory
	// for how long; a server that finds one too old says so.
	nonceServers = 256
	nonceMemory  = time.Hour
	// maxNonce bounds a nonce.
	maxNonce = 512
)

// NewSender returns a Sender. A nil clock is time.Now.
func NewSender(clock func() time.Time) *Sender {
	if clock == nil {
		clock = time.Now
	}
	return &Sender{clock: clock, nonces: shelf.New[string, string](nonceServers, nonceServers*maxNonce, nil)}
}

// Send sends a copy of r through base with the access token in its Authorization
// header, in place of one that is there: of the scheme DPoP and with a proof where
// there is a key, otherwise Bearer. A server that asks for a nonce, or for another
// one, is asked once more, if the body can be had again (r.GetBody). Where base is
// nil it is [http.DefaultTransport].
func (s *Sender) Send(base http.RoundTripper, r *http.Request, accessToken string, key ProofKey) (*http.Response, error) {
	if base == nil {
		base = http.DefaultTransport
	}
	if accessToken == "" {
		replay.CloseBody(r)
		return nil, errors.New("oidc: no access token to send")
	}
	sent := r.Clone(r.Context())
	if key.IsZero() {
		sent.Header.Del("DPoP")
		sent.Header.Set("Authorization", "Bearer "+accessToken)
		return base.RoundTrip(sent)
	}
	sent.Header.Set("Authorization", "DPoP "+accessToken)
	server := "resource " + origin.Of(r.URL)
	for again := false; ; again = true {
		known := s.nonce(server)
		res, err := s.prove(base, sent, server, key, accessToken)
		if err != nil || again || !wantsNonce(res) || s.nonce(server) == known {
			return res, err
		}
		replayed, ok := replay.Request(sent)
		if !ok {
			return res, nil
		}
		replay.Discard(res)
		sent = replayed
	}
}

// prover is the transport of calls to an authorization server, which it sends
// proofs to (RFC 9449 §5). It doesn't send a call again for want of a nonce: what
// else is in it may be good for once only.
type prover struct {
	sender *Sender
	base   http.RoundTripper
	key    ProofKey
}

func (p prover) RoundTrip(r *http.Request) (*http.Response, error) {
	return p.sender.prove(p.base, r.Clone(r.Context()), authorizationServer(r.URL), p.key, "")
}

// authorizationServer names one. Its nonces are kept apart from those of a resource
// server, at one origin too (RFC 9449 §9).
func authorizationServer(u *url.URL) string { return "authorization " + origin.Of(u) }

// prove adds a proof to r, which is the caller's own, sends it, and learns the nonce
// for the next time.
func (s *Sender) prove(base http.RoundTripper, r *http.Request, server string, key ProofKey, accessToken string) (*http.Response, error) {
	proof, err := key.prove(r, accessToken, s.nonce(server), s.clock())
	if err != nil {
		replay.CloseBody(r)
		return nil, err
	}
	r.Header.Set("DPoP", proof)
	res, err := base.RoundTrip(r)
	if err == nil {
		s.learn(server, res)
	}
	return res, err
}

func (s *Sender) nonce(server string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	nonce, _ := s.nonces.Get(server, s.clock())
	return nonce
}

// learn remembers the nonce that a server gives with any answer (RFC 9449 §8.2).
func (s *Sender) learn(server string, res *http.Response) {
	nonce := res.Header.Get("DPoP-Nonce")
	if nonce == "" || len(nonce) > maxNonce || strings.ContainsFunc(nonce, isNoNonce) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.clock()
	s.nonces.Put(server, nonce, len(nonce), now, now.Add(nonceMemory))
}

// isNoNonce reports whether a character is none of NQCHAR (RFC 6749 appendix A).
func isNoNonce(r rune) bool { return r < 0x21 || r > 0x7e || r == '"' || r == '\\' }

// wantsNonce is the refusal of a resource server (RFC 9449 §9).
func wantsNonce(res *http.Response) bool {
	if res.StatusCode != http.StatusUnauthorized {
		return false
	}
	for _, challenge := range res.Header.Values("WWW-Authenticate") {
		if strings.Contains(challenge, "use_dpop_nonce") {
			return true
		}
	}
	return false
}
