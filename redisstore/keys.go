package redisstore

import "strings"

// keys are named PREFIX:KIND:{NAME}. The braces make a name's slot that of the
// name alone (Redis Cluster specification, hash tags); no script touches more
// than one key.
type keys string

func (k keys) session(id string) string      { return k.of("s", id) }
func (k keys) revocation(name string) string { return k.of("v", name) }
func (k keys) directory(owner string) string { return k.of("d", owner) }
func (k keys) renewal(name string) string    { return k.of("r", name) }
func (k keys) origin(next string) string     { return k.of("o", next) }
func (k keys) spent(id string) string        { return k.of("p", id) }
func (k keys) epoch() string                 { return k.of("e", "epoch") }
func (k keys) ready() string                 { return k.of("e", "ready") }

func (k keys) of(kind, name string) string { return string(k) + ":" + kind + ":{" + name + "}" }

// revocations is what the keys of all of them begin with.
func (k keys) revocations() string { return string(k) + ":v:{" }

// name returns the name in a key of a session or a revocation.
func (k keys) name(key string) (string, bool) {
	rest, ok := strings.CutPrefix(key, string(k)+":")
	if !ok || len(rest) < len("s:{x}") || rest[1:3] != ":{" || (rest[0] != 's' && rest[0] != 'v') {
		return "", false
	}
	return rest[3 : len(rest)-1], true
}
