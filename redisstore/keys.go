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
	rest, ours := strings.CutPrefix(key, string(k)+":")
	name, whole := strings.CutSuffix(rest, "}")
	if !ours || !whole || len(name) < len("s:{x") || name[1:3] != ":{" || (name[0] != 's' && name[0] != 'v') {
		return "", false
	}
	return name[3:], true
}
