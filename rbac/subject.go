package rbac

// Subject is somebody whom a rule decides about: what a [Resolver] read from
// their claims. A nil or zero Subject is anonymous. It is immutable and safe for
// concurrent use.
type Subject struct {
	issuer, id string
	claims     map[string]any
	imagined   bool // see Resolver.Imagine

	roles, groups, scopes, permissions list
}

// anonymous reports whether nobody is known.
func (s *Subject) anonymous() bool { return s == nil || s.id == "" }

// Issuer returns the iss claim, "" where there is none.
func (s *Subject) Issuer() string {
	if s == nil {
		return ""
	}
	return s.issuer
}

// ID returns the sub claim; "" for an anonymous subject. A person is one pair of
// Issuer and ID (OpenID Connect Core 1.0 §5.7).
func (s *Subject) ID() string {
	if s == nil {
		return ""
	}
	return s.id
}

// Claim returns the value at path, nil when there is none. It must not be
// modified.
func (s *Subject) Claim(path ...string) any {
	if s.anonymous() || !Path(path).valid() {
		return nil
	}
	value, _ := Path(path).find(s.claims)
	return value
}

// Roles returns the roles, with those that they include, sorted.
func (s *Subject) Roles() []string {
	if s == nil {
		return nil
	}
	return s.roles.sorted()
}

// Groups returns the groups, sorted.
func (s *Subject) Groups() []string {
	if s == nil {
		return nil
	}
	return s.groups.sorted()
}

// Scopes returns the scopes, sorted.
func (s *Subject) Scopes() []string {
	if s == nil {
		return nil
	}
	return s.scopes.sorted()
}

// Permissions returns the permissions, sorted.
func (s *Subject) Permissions() []string {
	if s == nil {
		return nil
	}
	return s.permissions.sorted()
}
