package rbac

import "time"

// Outcome is what a rule says. The zero Outcome is Unknown.
type Outcome int8

// The three truth values.
const (
	Unknown Outcome = iota
	False
	True
)

// MarshalText encodes what String returns.
func (o Outcome) MarshalText() ([]byte, error) { return []byte(o.String()), nil }

// String returns "unknown", "false" or "true".
func (o Outcome) String() string {
	switch o {
	case True:
		return "true"
	case False:
		return "false"
	}
	return "unknown"
}

// Decision is the outcome of a rule and, unless that is True, why. The zero
// Decision denies.
type Decision struct {
	Outcome Outcome
	// Reason names the rule that decided, and says why it is Unknown where it
	// is. It is for logs; it never holds the value of a claim, nor one that a
	// claim is compared with.
	Reason string
	// Scopes are what a token needs to pass, and would mend the denial. At least
	// one is missing; those that aren't are among them, because who asks for a
	// new token asks for all its scopes (RFC 6750 §3.1). They belong to the rule
	// and must not be modified.
	Scopes []string
	// ACR and MaxAge are the authentication that would mend it (RFC 9470 §3): one
	// of the classes in ACR, the preferred one first, and no longer ago than
	// MaxAge, in whole seconds. One of them may be empty. They are all that the
	// whole rule asks of it, and ACR must not be modified.
	ACR    []string
	MaxAge time.Duration
}

// mendable reports whether asking again, for more scopes or a stronger sign-in,
// could turn the denial.
func (d *Decision) mendable() bool { return len(d.Scopes) > 0 || len(d.ACR) > 0 || d.MaxAge > 0 }
