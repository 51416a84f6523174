package gatehouse

import "time"

// A session is over, whoever revokes it or not, at its end, which no use moves;
// when nobody has used it for IdleTimeout; and, where it can't be renewed and
// OutliveAccessToken doesn't say otherwise, with its access token.

// sessionEnd is begun plus lifetime, or the provider's session_expiry (OpenID
// Connect Enterprise Extensions 1.0) where that comes first.
func sessionEnd(begun int64, lifetime time.Duration, merged map[string]any) int64 {
	end := begun/1000 + int64(lifetime/time.Second)
	if expiry, ok := merged["session_expiry"].(float64); ok && expiry < float64(end) {
		return max(int64(expiry), 0)
	}
	return end
}

// expires is when what is kept of a session stops being one: at its end, or
// earlier when nobody uses it.
func (s *session) expires(idle time.Duration) time.Time {
	ends := time.Unix(s.ends, 0)
	if idle <= 0 {
		return ends
	}
	if idles := time.Unix(s.seen, 0).Add(idle); idles.Before(ends) {
		return idles
	}
	return ends
}

// lastsUntil is when a session ends if nobody ends it before.
func (g *Gate) lastsUntil(s *session) time.Time {
	ends := time.Unix(s.ends, 0)
	if expires := s.tokens.Expires(); !s.tokens.HasRefresh() && !g.config.OutliveAccessToken && !expires.IsZero() && expires.Before(ends) {
		return expires
	}
	return ends
}

// unusedUntil is when it ends if nobody uses it either.
func (g *Gate) unusedUntil(s *session) time.Time {
	if idles, lasts := s.expires(g.config.IdleTimeout), g.lastsUntil(s); idles.Before(lasts) {
		return idles
	} else {
		return lasts
	}
}

// dead reports whether the access token expired longer than grace ago.
func (g *Gate) dead(s *session, grace time.Duration) bool {
	expires := s.tokens.Expires()
	return !expires.IsZero() && !g.config.Clock().Before(expires.Add(grace))
}

// ended reports whether a session that can't be renewed is over.
func (g *Gate) ended(s *session) bool {
	return !s.tokens.HasRefresh() && !g.config.OutliveAccessToken && g.dead(s, 0)
}
