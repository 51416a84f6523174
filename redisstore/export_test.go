package redisstore

// Knows reports whether this process knows itself that a name is revoked, so that it can
// publish it again.
func (s *Store) Knows(name string) bool {
	before, _ := s.known.before(name)
	return before != 0
}
