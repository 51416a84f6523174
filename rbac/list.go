package rbac

import (
	"slices"
	"strings"
)

const (
	// maxEntries bounds what is taken from the claims for one list, and the
	// arrays that claims are compared with.
	maxEntries = 10_000
	// scanned is how many names a list may have to be searched from end to end;
	// a longer one has an index.
	scanned = 4
)

// list holds names, each once, and whether there might be more.
type list struct {
	names []string
	index map[string]struct{} // nil while the list is short
	doubt finding             // what a name is that isn't there: lacking, if all is known
}

// find looks for a name. What is there is there, even when more might be missing.
func (l *list) find(name string) finding {
	switch {
	case name == "":
		return vacuous
	case l.has(name):
		return held
	}
	return l.doubt
}

// findAny is held if one name is, otherwise unknown if one name is.
func (l *list) findAny(names []string) finding { return l.findEach(names, lacking, held) }

// findAll is lacking if one name is, otherwise unknown if one name is.
func (l *list) findAll(names []string) finding { return l.findEach(names, held, lacking) }

// findEach is decisive if one name is, otherwise unknown if one name is,
// otherwise what the others are.
func (l *list) findEach(names []string, others, decisive finding) finding {
	if len(names) == 0 {
		return vacuous
	}
	found := others
	for _, name := range names {
		switch f := l.find(name); f {
		case decisive:
			return f
		case others:
		default:
			found = f
		}
	}
	return found
}

func (l *list) has(name string) bool {
	if l.index == nil {
		return slices.Contains(l.names, name)
	}
	_, ok := l.index[name]
	return ok
}

func (l *list) add(name string) {
	if l.has(name) {
		return
	}
	l.names = append(l.names, name)
	if l.index != nil {
		l.index[name] = struct{}{}
	} else if len(l.names) > scanned {
		l.makeIndex(2 * scanned)
	}
}

func (l *list) makeIndex(size int) {
	l.index = make(map[string]struct{}, size)
	for _, name := range l.names {
		l.index[name] = struct{}{}
	}
}

func (l *list) sorted() []string { return slices.Sorted(slices.Values(l.names)) }

// source is where the names of one list are found.
type source struct {
	paths      []Path
	separators string // of names within a string; empty never splits
}

// read joins what is found at the paths.
func (src source) read(claims map[string]any) list {
	read := list{doubt: lacking}
	var names []string
	for _, path := range src.paths {
		value, doubt := path.find(claims)
		if value != nil {
			var shape finding
			if names, shape = src.take(names, value); shape != held {
				doubt = shape
			}
		}
		if doubt != held && doubt != lacking {
			read.doubt = doubt
		}
	}
	if len(names) > scanned {
		read.makeIndex(len(names))
	}
	read.names = names[:0] // add never overtakes the loop
	for _, name := range names {
		read.add(name)
	}
	return read
}

// take appends a string or every string of an array, or nothing of either and
// what is wrong with it.
func (src source) take(names []string, value any) ([]string, finding) {
	more := names
	fits := true
	switch value := value.(type) {
	case string:
		more, fits = src.split(more, value)
	case []string:
		for i := 0; i < len(value) && fits; i++ {
			more, fits = src.split(more, value[i])
		}
	case []any:
		more = slices.Grow(more, min(len(value), maxEntries))
		for i := 0; i < len(value) && fits; i++ {
			name, ok := value[i].(string)
			if !ok {
				return names, malformed
			}
			more, fits = src.split(more, name)
		}
	default:
		return names, malformed
	}
	if !fits {
		return names, excessive
	}
	return more, held
}

// split appends the names in text, as long as they aren't too many.
func (src source) split(names []string, text string) (all []string, fits bool) {
	if src.separators == "" {
		return src.one(names, text)
	}
	separates := func(r rune) bool { return strings.ContainsRune(src.separators, r) }
	for name := range strings.FieldsFuncSeq(text, separates) {
		if names, fits = src.one(names, name); !fits {
			return names, false
		}
	}
	return names, true
}

// one appends a name; the empty string is none.
func (src source) one(names []string, name string) (all []string, fits bool) {
	if name == "" {
		return names, true
	}
	if len(names) >= maxEntries {
		return names, false
	}
	return append(names, name), true
}
