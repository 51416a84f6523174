package redisstore

import "sync"

// watchers are told which names have changed.
type watchers struct {
	mu  sync.Mutex
	all map[*watcher]struct{}
}

type watcher struct{ changed func(names []string) }

// Watch calls changed as soon as Redis says that something was revoked, or that
// a session changed that this process has read; nil stands for any, whenever it
// is connected, at first or again. changed returns quickly. stop ends that.
func (s *Store) Watch(changed func(names []string)) (stop func()) {
	w := &watcher{changed}
	s.watch.mu.Lock()
	defer s.watch.mu.Unlock()
	if s.watch.all == nil {
		s.watch.all = map[*watcher]struct{}{}
	}
	s.watch.all[w] = struct{}{}
	return func() {
		s.watch.mu.Lock()
		defer s.watch.mu.Unlock()
		delete(s.watch.all, w)
	}
}

func (w *watchers) tell(names []string) {
	w.mu.Lock()
	told := make([]*watcher, 0, len(w.all))
	for one := range w.all {
		told = append(told, one)
	}
	w.mu.Unlock()
	for _, one := range told {
		one.changed(names)
	}
}
