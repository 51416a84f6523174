package gatehouse

import (
	"context"
	"net/http"
)

// visit is what an establisher found out about a request. It is the request's
// context, so that finding it again costs one look-up and it one allocation.
type visit struct {
	context.Context

	gate     *Gate
	identity *Identity // nil: anonymous
	failure  error     // why a session that is there can't be used now
	target   string    // the request URI as the establisher saw it
	program  bool      // answer problem documents, never redirect
	api      bool      // say in a 401 which access tokens are accepted
	bearer   bool      // there was one, which settles who it is, or that it is nobody

	values [2]string // of Vary and Cache-Control, which need no memory of their own then
}

// headers says what a page that came from a session is to caches (RFC 9111
// §5.2.2.7), where the handler says nothing else.
func (v *visit) headers(h http.Header) {
	v.values = [...]string{"Cookie", "private"}
	if v.bearer {
		v.values[0] = "Authorization"
	}
	if vary, ok := h["Vary"]; ok {
		h["Vary"] = append(vary, v.values[0])
	} else {
		h["Vary"] = v.values[0:1:1]
	}
	if v.identity != nil && h.Get("Cache-Control") == "" {
		h["Cache-Control"] = v.values[1:2:2]
	}
}

type visitKey struct{ gate *Gate }

// Value answers for the visit itself and for the identity it established.
func (v *visit) Value(key any) any {
	switch key := key.(type) {
	case visitKey:
		if key.gate == v.gate {
			return v
		}
	case identityKey:
		if v.identity != nil {
			return v.identity
		}
		if v.bearer {
			return nil
		}
	}
	return v.Context.Value(key)
}

// visit returns what an establisher of this gate left, or nil.
func (g *Gate) visit(ctx context.Context) *visit {
	v, _ := ctx.Value(visitKey{g}).(*visit)
	return v
}

// identity returns who is asking, as far as this gate accepts them: its own
// identities, and those a test made.
func (g *Gate) identity(ctx context.Context) *Identity {
	who, ok := IdentityFrom(ctx)
	if ok && (who.known.gate == nil || who.known.gate == g) {
		return who
	}
	if v := g.visit(ctx); v != nil {
		return v.identity
	}
	return nil
}
