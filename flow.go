package gatehouse

import (
	"cmp"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/gatehouse-go/gatehouse/cookie"
	"github.com/gatehouse-go/gatehouse/oidc"
)

const (
	flowLifetime = 10 * time.Minute
	flowsAtOnce  = 16
)

// flow is one sign-in under way. Its cookie binds it to the browser that began
// it; nonce and code_verifier are derived from its secret, so that the cookie
// stays small. Where it leads to is sealed into state, not into the cookie.
type flow struct {
	secret [32]byte
	began  int64         // unix seconds
	maxAge time.Duration // as sent; negative when it wasn't
	asked  asked
	bound  bool // its tokens are to be bound to a key, which is derived too
}

const (
	// flowLength is that of a flow that asked for no class of authentication.
	flowLength = 32 + 8 + 8
	// flowBound marks the time at which a bound flow began.
	flowBound = 1 << 63
)

func newFlow(now time.Time, maxAge *time.Duration) flow {
	f := flow{began: now.Unix(), maxAge: -1}
	_, _ = rand.Read(f.secret[:]) // never fails (crypto/rand)
	if maxAge != nil {
		f.maxAge = *maxAge
	}
	return f
}

func (f flow) frame() []byte {
	b := append(make([]byte, 0, flowLength+len(f.asked)), f.secret[:]...)
	began := uint64(f.began)
	if f.bound {
		began |= flowBound
	}
	b = binary.BigEndian.AppendUint64(b, began)
	b = binary.BigEndian.AppendUint64(b, uint64(f.maxAge))
	return append(b, f.asked...)
}

func parseFlow(b []byte) (flow, bool) {
	if len(b) < flowLength || !asked(b[flowLength:]).valid() {
		return flow{}, false
	}
	f := flow{asked: b[flowLength:]}
	b = b[copy(f.secret[:], b):]
	began := binary.BigEndian.Uint64(b)
	f.began, f.bound = int64(began&^flowBound), began&flowBound != 0
	f.maxAge = time.Duration(binary.BigEndian.Uint64(b[8:]))
	return f, true
}

func (f flow) expires() time.Time { return time.Unix(f.began, 0).Add(flowLifetime) }

// request is what was, or is to be, asked of the provider. Nonce and verifier
// have 256 bits in 43 characters (RFC 7636 §4.1).
func (f flow) request() oidc.AuthRequest {
	request := oidc.AuthRequest{Nonce: f.derive("nonce"), CodeVerifier: f.derive("code_verifier")}
	if f.maxAge >= 0 {
		request.MaxAge = &f.maxAge
	}
	if f.bound {
		request.ProofKey = oidc.DeriveProofKey(f.mac("proof key"))
	}
	return request
}

func (f flow) derive(purpose string) string {
	return base64.RawURLEncoding.EncodeToString(f.mac(purpose))
}

func (f flow) mac(purpose string) []byte {
	mac := hmac.New(sha256.New, f.secret[:])
	mac.Write([]byte(purpose))
	return mac.Sum(nil)
}

// flows keeps the flow cookies and seals state.
type flows struct {
	jar   *cookie.Jar
	codec *cookie.Codec
}

// state is the state parameter, opened. It doesn't expire, because where it leads to
// stays known: the flow's cookie does.
type state struct {
	flow     string // the flow cookie's id
	returnTo string
}

const flowIDLength = 9

var errState = errors.New("gatehouse: state is not ours")

// seal returns the state parameter of a new flow.
func (f *flows) seal(began flow, returnTo string) (sealed string, err error) {
	return f.codec.Encode("state", append(began.mac("id")[:flowIDLength], returnTo...))
}

// keep sets the cookie of a new flow. Of those that were abandoned, the oldest
// make room. What another site posts comes without our cookies, so that nobody knows
// how many there are: one in the same place makes room then.
func (f *flows) keep(w http.ResponseWriter, r *http.Request, began flow, foreign bool) error {
	f.prune(w, r)
	name := began.id()
	if foreign {
		name = postedPlace(name)
	}
	return f.jar.Member(name).Set(w, r, began.frame(), began.expires())
}

// id is what state says of a flow.
func (f flow) id() string { return flowID(f.mac("id")[:flowIDLength]) }

func flowID(id []byte) string { return base64.RawURLEncoding.EncodeToString(id) }

// postedPlace names the cookie of a flow that was posted by another site: one of
// sixteen.
func postedPlace(id string) string { return fmt.Sprintf("posted-%x", id[0]%flowsAtOnce) }

// prune removes what is no flow of ours, and the oldest flows until one more
// fits.
func (f *flows) prune(w http.ResponseWriter, r *http.Request) {
	type live struct {
		jar   *cookie.Jar
		began int64
	}
	var alive []live
	r = f.jar.Family(r)
	for _, id := range f.jar.Members(r) {
		jar := f.jar.Member(id)
		if opened, ok := openFlow(jar, r); ok {
			alive = append(alive, live{jar, opened.began})
		} else {
			jar.Clear(w, r)
		}
	}
	slices.SortStableFunc(alive, func(a, b live) int { return cmp.Compare(a.began, b.began) })
	for len(alive) >= flowsAtOnce {
		alive[0].jar.Clear(w, r)
		alive = alive[1:]
	}
}

func openFlow(jar *cookie.Jar, r *http.Request) (flow, bool) {
	frame, err := jar.Get(r)
	if err != nil {
		return flow{}, false
	}
	return parseFlow(frame)
}

// open reads a state of ours.
func (f *flows) open(sealed string) (state, error) {
	var text []byte
	if err := f.codec.Decode("state", sealed, &text); err != nil || len(text) < flowIDLength {
		return state{}, errState
	}
	return state{flow: flowID(text[:flowIDLength]), returnTo: string(text[flowIDLength:])}, nil
}

// take removes the flow's cookie and returns it: a flow is used once.
func (f *flows) take(w http.ResponseWriter, r *http.Request, of state) (flow, bool) {
	for _, name := range []string{of.flow, postedPlace(of.flow)} {
		jar := f.jar.Member(name)
		if taken, ok := openFlow(jar, r); ok && taken.id() == of.flow {
			jar.Clear(w, r)
			return taken, true
		}
	}
	f.jar.Member(of.flow).Clear(w, r) // whatever it is
	return flow{}, false
}
