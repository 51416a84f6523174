package gatehouse

import "net/http"

// ProofKeyOf returns the key that the tokens of a request's session are bound to, nil
// for none: for tests that look for it where it must not be.
func ProofKeyOf(g *Gate, r *http.Request) []byte {
	who, err := g.open(r)
	if who == nil || err != nil {
		return nil
	}
	return who.session().tokens.ProofKey().Bytes()
}

// BePatient has requests whose access token is still good wait for its renewal as long
// as others do: for tests by the real time, on machines that are busy.
func BePatient(g *Gate) { g.patience = renewBudget }
