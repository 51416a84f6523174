package gatehouse

import "context"

// visit is what an establisher found out about a request. It is the request's
// context, so that finding it again costs one look-up and it one allocation.
type visit struct {
	context.Context

	gate     *Gate
	identity *Identity // nil: anonymous
	failure  error     // why a session that is there can't be used now
	target   string    // the request URI as the establisher saw it
	program  bool      // answer problem documents, never redirect
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
	if ok && (who.gate == nil || who.gate == g) {
		return who
	}
	if v := g.visit(ctx); v != nil {
		return v.identity
	}
	return nil
}
