package runner

import (
	"maps"
	"strings"
	"sync"
)

// Received are the files that stages send from their containers beside their result: the
// report of an installation that failed, of which the container keeps nothing. The zero
// value is ready; it is safe for several goroutines.
type Received struct {
	mu    sync.Mutex
	files map[string][]byte
}

// Add adds a file; it is the File of container.Options.
func (r *Received) Add(name string, data []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.files == nil {
		r.files = map[string][]byte{}
	}
	r.files[name] = data
}

// Below are the files of a folder, by their path in it.
func (r *Received) Below(folder string) map[string][]byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	files := map[string][]byte{}
	for name, data := range maps.All(r.files) {
		if rest, ok := strings.CutPrefix(name, folder+"/"); ok {
			files[rest] = data
		}
	}
	return files
}
