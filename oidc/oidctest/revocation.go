package oidctest

import "net/http"

// revocation ends the grant of a refresh or access token (RFC 7009 §2.1). Tokens
// that are unknown, or another client's, are as good as revoked.
func (p *Provider) revocation(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		writeRefusal(w, refuse(http.StatusMethodNotAllowed, "invalid_request", "POST only"))
		return
	}
	c, err := p.authenticate(r)
	if err != nil {
		writeRefusal(w, err)
		return
	}
	token := r.PostForm.Get("token")
	h, ok := p.parse(refreshHandle, token)
	if !ok {
		h, ok = p.parseAccess(token)
	}
	if ok {
		p.revoke(c, h)
	}
	w.WriteHeader(http.StatusOK)
}
