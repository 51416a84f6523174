package gatehouse

import (
	"context"
	"errors"
	"log/slog"
	"net/http"

	"github.com/gatehouse-go/gatehouse/rbac"
)

// Events are written to Config.Logger with the attributes event, outcome and
// reason, and with iss and sub where they are known. No event holds a token, a
// cookie, a code or a provider's free text.

func (g *Gate) event(ctx context.Context, level slog.Level, event, outcome, reason string, s *session) {
	if !g.log.Enabled(ctx, level) {
		return
	}
	attrs := []slog.Attr{slog.String("event", event), slog.String("outcome", outcome)}
	if reason != "" {
		attrs = append(attrs, slog.String("reason", reason))
	}
	if s != nil {
		if claims, err := s.claims(); err == nil {
			attrs = append(attrs, slog.Any("iss", claims["iss"]), slog.Any("sub", claims["sub"]))
		}
	}
	g.log.LogAttrs(ctx, level, "gatehouse: "+event, attrs...)
}

func (g *Gate) logEnd(ctx context.Context, s *session, reason string) {
	g.event(ctx, slog.LevelInfo, "session ended", "ok", reason, s)
}

func (g *Gate) logSignIn(ctx context.Context, s *session, err error) {
	switch {
	case err == nil:
		g.event(ctx, slog.LevelInfo, "sign-in", "ok", "", s)
	case errors.Is(err, errNotAdmitted):
		g.event(ctx, slog.LevelWarn, "sign-in", "refused", err.Error(), s)
	default:
		g.event(ctx, slog.LevelWarn, "sign-in", "failed", err.Error(), s)
	}
}

func (g *Gate) logRenewal(ctx context.Context, s *session, err error) {
	switch {
	case err == nil:
		g.event(ctx, slog.LevelInfo, "renewal", "ok", "", s)
	case isOver(err), errors.Is(err, errNotAdmitted):
		g.event(ctx, slog.LevelInfo, "renewal", "ended", err.Error(), s)
	default:
		g.event(ctx, slog.LevelWarn, "renewal", "failed", err.Error(), s)
	}
}

func (g *Gate) logUserinfo(ctx context.Context, s *session, err error) {
	g.event(ctx, slog.LevelWarn, "userinfo", "failed", err.Error(), s)
}

func (g *Gate) logAdmission(ctx context.Context, s *session, err error) {
	g.event(ctx, slog.LevelError, "admission", "failed", err.Error(), s)
}

func (g *Gate) logSignOut(ctx context.Context, s *session, reason string) {
	g.event(ctx, slog.LevelInfo, "sign-out", "ok", reason, s)
}

// logDenial says why somebody was refused, and where debugging is switched on
// what of the rule held and what didn't.
func (g *Gate) logDenial(r *http.Request, who *Identity, rule rbac.Rule, denial rbac.Decision) {
	attrs := []slog.Attr{
		slog.String("event", "access"), slog.String("outcome", "denied"),
		slog.String("reason", denial.Reason),
		slog.String("method", r.Method), slog.String("path", r.URL.Path),
		slog.Any("who", who),
	}
	g.log.LogAttrs(r.Context(), slog.LevelInfo, "gatehouse: denied", attrs...)
	if g.log.Enabled(r.Context(), slog.LevelDebug) {
		explained := rule.Explain(who.subjectFor(g), g.config.Clock())
		g.log.LogAttrs(r.Context(), slog.LevelDebug, "gatehouse: the rule, explained",
			append(attrs, slog.String("rule", explained.String()))...)
	}
}
