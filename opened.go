package gatehouse

import (
	"hash/maphash"

	"github.com/gatehouse-go/gatehouse/internal/memo"
)

// opened remembers whose session a sealed text is, so that a cookie seen before
// costs a hash and a look-up. It is bounded: what hasn't been asked for lately
// makes room.
type opened struct {
	seed maphash.Seed
	memo *memo.Memo[openedName, *Identity]
}

// openedName stands for a sealed text: a hash of it under a seed that nobody
// outside this process knows or sees the effect of, and its end, which is the seal
// itself. Only who knows the end of another text could make one that is taken for
// it, and guessing that is guessing the seal.
type openedName struct {
	hash uint64
	end  [22]byte // 128 bits in base64url
}

// newOpened remembers about size sessions; none when size is negative.
func newOpened(size int) *opened {
	return &opened{maphash.MakeSeed(), memo.New[openedName, *Identity](size)}
}

func (o *opened) name(text string) openedName {
	name := openedName{hash: maphash.String(o.seed, text)}
	copy(name.end[:], text[max(len(text)-len(name.end), 0):])
	return name
}

// get returns whose session it is, or nil.
func (o *opened) get(name openedName) *Identity {
	who, _ := o.memo.Get(name)
	return who
}

// put remembers it, in place of what was known of the same text.
func (o *opened) put(name openedName, who *Identity) { o.memo.Put(name, who) }
