package ci

import (
	"encoding/json"
	"maps"
	"path/filepath"
	"time"

	"github.com/mage-os/nightly/pipeline/files"
)

// timesFile keeps how long the stages of a line took here when they ran last. It is for people:
// that it cannot be read or written is no failure.
func (env *factory) timesFile(line string) string {
	store, err := env.storePath()
	if err != nil {
		return ""
	}
	return filepath.Join(store, "times", line+".json")
}

func (env *factory) lastTimes(line string) map[string]time.Duration {
	times := map[string]time.Duration{}
	if data, err := files.Read(env.timesFile(line), files.Small); err == nil {
		_ = json.Unmarshal(data, &times)
	}
	return times
}

// keepTimes keeps the times of a run over those before.
func (env *factory) keepTimes(line string, times map[string]time.Duration) {
	all := env.lastTimes(line)
	maps.Copy(all, times)
	if data, err := json.Marshal(all); err == nil {
		_ = files.Replace(env.timesFile(line), data)
	}
}
