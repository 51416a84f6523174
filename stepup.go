package gatehouse

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/fetchmeta"
	"github.com/gatehouse-go/gatehouse/oidc"
	"github.com/gatehouse-go/gatehouse/rbac"
)

// asked are the authentication classes that a session's sign-in asked for, and
// the step-ups before it: a digest of each list. A provider that ignores
// acr_values is so asked once, however often the page is. max_age needs no such
// memory, because a sign-in that ignores it fails.
type asked []byte

const (
	digestLength = 8
	mostAsked    = 8 // lists
)

// has reports whether asking for one of classes once more is of no use.
func (a asked) has(classes []string) bool {
	if len(classes) == 0 {
		return false
	}
	digest := digestOf(classes)
	for one := range slices.Chunk(a, digestLength) {
		if [digestLength]byte(one) == digest {
			return true
		}
	}
	return len(a) >= mostAsked*digestLength
}

// with returns a copy that has classes too.
func (a asked) with(classes []string) asked {
	if len(classes) == 0 || a.has(classes) {
		return a
	}
	digest := digestOf(classes)
	return append(slices.Clone(a), digest[:]...)
}

func (a asked) valid() bool {
	return len(a)%digestLength == 0 && len(a) <= mostAsked*digestLength
}

// digestOf doesn't depend on the order of classes.
func digestOf(classes []string) [digestLength]byte {
	sum := sha256.Sum256([]byte(strings.Join(slices.Sorted(slices.Values(classes)), " ")))
	return [digestLength]byte(sum[:])
}

var errStepUpIgnored = errors.New("gatehouse: the provider did not sign in by a class that it was asked for")

// stepUp answers somebody who has to sign in again, more strongly or just now
// (RFC 9470). A browser that navigates does so at once, and comes back to the
// page. Everybody else is told, and nothing that was sent gets lost in silence.
func (g *Gate) stepUp(w http.ResponseWriter, r *http.Request, v *visit, who *Identity, denial rbac.Decision) {
	refusal := &oidc.Refusal{Code: oidc.StepUp, ACRValues: denial.ACR, MaxAge: denial.MaxAge}
	failure := &Error{
		Status:  http.StatusUnauthorized,
		Message: "This needs a stronger or a more recent sign-in.",
		Cause:   refusal,
		title:   "Confirm that it is you",
		label:   "Continue",
	}
	if token := who.known.bearer; token != nil {
		refusal.Scheme = token.Scheme()
	}
	if who.known.bearer != nil || g.provider == nil {
		g.Fail(w, r, failure)
		return
	}
	back := targetOf(v, r)
	if r.Method != http.MethodGet && r.Method != http.MethodHead || v != nil && v.program {
		back = "" // nobody can go there
	}
	failure.Link = g.stepUpPath(back, denial)
	switch {
	case who.askedInVain(denial.ACR):
		failure.Status, failure.Cause, failure.title, failure.label = http.StatusForbidden, errStepUpIgnored, "A stronger sign-in is needed", "Try again"
		failure.Message = "This needs a stronger sign-in, and your sign-in service did not confirm one. You can try again; if this goes on, tell the people who run this site."
	case v != nil && !v.program && fetchmeta.TopLevel(r):
		g.Login(w, r, Login{ReturnTo: v.target, ACRValues: denial.ACR, MaxAge: g.stricter(denial.MaxAge), asked: who.session().asked})
		return
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		failure.Message = "This needs a stronger or a more recent sign-in, so what you sent was not processed. Sign in again, go back, and send it once more."
	}
	g.Fail(w, r, failure)
}

// askedInVain reports whether somebody has signed in by another class since one of
// classes was asked for.
func (i *Identity) askedInVain(classes []string) bool {
	return i.session().asked.has(classes) && !slices.Contains(classes, i.String("acr"))
}

// stricter is the max_age of a step-up; nil where Config's is the stricter one,
// or none is wanted.
func (g *Gate) stricter(maxAge time.Duration) *time.Duration {
	if maxAge == 0 || g.config.MaxAge != 0 && max(g.config.MaxAge, 0) < maxAge {
		return nil
	}
	return &maxAge
}

// stepUpPath is a link that begins a step-up. What it asks for is sealed, so that
// it may replace what Config asks for, and nobody else's links can.
func (g *Gate) stepUpPath(target string, denial rbac.Decision) string {
	plain := binary.AppendUvarint(nil, uint64(denial.MaxAge/time.Second))
	sealed, err := g.flows.codec.Encode("step-up", append(plain, strings.Join(denial.ACR, " ")...))
	if err != nil {
		return g.loginPath(target)
	}
	return addParameter(g.loginPath(target), "step_up", sealed)
}

func addParameter(path, name, value string) string {
	separator := "?"
	if strings.Contains(path, "?") {
		separator = "&"
	}
	return path + separator + name + "=" + url.QueryEscape(value)
}

var errStepUpLink = errors.New("gatehouse: step_up is not ours")

// readStepUp reads what stepUpPath sealed into login.
func (g *Gate) readStepUp(sealed string, login *Login) error {
	var plain []byte
	if err := g.flows.codec.Decode("step-up", sealed, &plain); err != nil {
		return errStepUpLink
	}
	seconds, n := binary.Uvarint(plain)
	if n <= 0 || seconds > 1<<31 {
		return errStepUpLink
	}
	if classes := strings.Fields(string(plain[n:])); len(classes) > 0 {
		login.ACRValues = classes
	}
	if stricter := g.stricter(time.Duration(seconds) * time.Second); stricter != nil {
		login.MaxAge = stricter
	}
	return nil
}
