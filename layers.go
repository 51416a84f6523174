package gatehouse

import (
	"maps"

	"github.com/gatehouse-go/gatehouse/internal/claims"
	"github.com/gatehouse-go/gatehouse/oidc"
)

// layers are the claims of a session that its ID token doesn't hold itself, as
// maps: what lies under it and what lies over it.
type layers struct{ under, over map[string]any }

// rememberedClaims describe the sign-in itself. A refreshed ID token may omit
// them (OpenID Connect Core 1.0 §12.2), and they stay true all the same.
var rememberedClaims = []string{"sid", "auth_time", "acr", "amr", "nonce", "session_expiry"}

// layersAtSignIn puts userinfo under the ID token.
func layersAtSignIn(grant *oidc.Grant) layers {
	return layers{under: without(userinfoClaims(grant.Userinfo), grant.IDClaims)}
}

// layersAtRenewal builds them anew, so that claims which the provider dropped
// are gone at once. previous are all claims of the session as it was.
func layersAtRenewal(old layers, idToken, previous map[string]any, grant *oidc.Grant) layers {
	var renewed layers
	switch {
	case grant.UserinfoErr != nil && grant.IDClaims != nil:
		renewed.under = without(merge(old.under, old.over), grant.IDClaims)
	case grant.UserinfoErr != nil:
		renewed = old
	case grant.IDClaims != nil:
		renewed.under = without(userinfoClaims(grant.Userinfo), grant.IDClaims)
	default:
		// The ID token is the old one, and userinfo the newer word.
		fresh := userinfoClaims(grant.Userinfo)
		renewed.under, renewed.over = without(fresh, idToken), within(fresh, idToken)
	}
	current := idToken
	if grant.IDClaims != nil {
		current = grant.IDClaims
	}
	for _, name := range rememberedClaims {
		_, said := current[name]
		if value, known := previous[name]; known && !said {
			renewed.under = merge(renewed.under, map[string]any{name: value})
		}
	}
	return renewed
}

func (s *session) setLayers(l layers) (err error) {
	if s.under, err = encodeClaims(l.under); err != nil {
		return err
	}
	s.over, err = encodeClaims(l.over)
	return err
}

func (s *session) layers() (l layers, idToken map[string]any, err error) {
	for _, layer := range []struct {
		into *map[string]any
		from []byte
	}{{&l.under, s.under}, {&l.over, s.over}, {&idToken, s.tokens.IDTokenPayload()}} {
		if len(layer.from) == 0 {
			continue
		}
		if *layer.into, err = claims.Parse(layer.from); err != nil {
			return layers{}, nil, err
		}
	}
	return l, idToken, nil
}

func merge(lower, upper map[string]any) map[string]any {
	merged := maps.Clone(lower)
	if merged == nil {
		merged = make(map[string]any, len(upper))
	}
	maps.Copy(merged, upper)
	return merged
}

func without(values, names map[string]any) map[string]any {
	kept := maps.Clone(values)
	maps.DeleteFunc(kept, func(name string, _ any) bool { _, named := names[name]; return named })
	return kept
}

func within(values, names map[string]any) map[string]any {
	kept := maps.Clone(values)
	maps.DeleteFunc(kept, func(name string, _ any) bool { _, named := names[name]; return !named })
	return kept
}
