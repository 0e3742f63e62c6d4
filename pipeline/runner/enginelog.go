package runner

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// keptLogs is how many logs of engines are kept.
const keptLogs = 20

// EngineLog opens a file for everything that the engine says.
func EngineLog(store string, now time.Time) (*os.File, error) {
	dir := filepath.Join(store, "logs")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("make the folder of logs: %w", err)
	}
	old, err := filepath.Glob(filepath.Join(dir, "engine-*.log")) // in order of their time
	if err != nil {
		return nil, err
	}
	for _, file := range old[:max(0, len(old)-keptLogs+1)] {
		if err := os.Remove(file); err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, fmt.Errorf("remove an old log: %w", err)
		}
	}
	stamp := strings.NewReplacer(":", "", "-", "").Replace(now.UTC().Format(time.RFC3339))
	f, err := os.CreateTemp(dir, "engine-"+stamp+"-*.log")
	if err != nil {
		return nil, fmt.Errorf("make the log of the engine: %w", err)
	}
	return f, nil
}
