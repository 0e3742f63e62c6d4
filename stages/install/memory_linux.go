package install

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

// A meter watches how much memory a command takes, with all that it starts.
//
// getrusage alone does not tell: before a command is itself it is a copy of this
// program for a moment, and its peak is never less than ours. Where that is so,
// the peak is what was seen in /proc while it ran.
type meter struct {
	done chan struct{}
	wait sync.WaitGroup
	ours int64 // peak of this program, in bytes
	seen int64
}

// sampleTime is how often a command is looked at.
const sampleTime = 100 * time.Millisecond

// watch begins to watch a process.
func watch(pid int) *meter {
	m := &meter{done: make(chan struct{}), ours: highWater(os.Getpid())}
	m.wait.Go(func() {
		ticker := time.NewTicker(sampleTime)
		defer ticker.Stop()
		for {
			m.seen = max(m.seen, highWaterOfAll(pid))
			select {
			case <-m.done:
				return
			case <-ticker.C:
			}
		}
	})
	return m
}

// peak ends the watch of a command that has ended; it is in bytes, and 0 if it
// was too quick to be seen.
func (m *meter) peak(state *os.ProcessState) int64 {
	close(m.done)
	m.wait.Wait()
	if used := peak(state); used > m.ours {
		return used
	}
	return m.seen
}

// highWaterOfAll is the largest peak of a process and its descendants.
func highWaterOfAll(pid int) int64 {
	most := highWater(pid)
	children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%[1]d/children", pid))
	if err != nil {
		return most
	}
	for _, child := range strings.Fields(string(children)) {
		if id, err := strconv.Atoi(child); err == nil {
			most = max(most, highWaterOfAll(id))
		}
	}
	return most
}

// highWater is the most memory that a process has had resident, in bytes:
// proc(5), VmHWM, in kibibytes there.
func highWater(pid int) int64 {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(data), "VmHWM:")
	fields := strings.Fields(rest)
	if len(fields) == 0 {
		return 0
	}
	kibibytes, err := strconv.ParseInt(fields[0], 10, 64)
	if err != nil {
		return 0
	}
	return kibibytes << 10
}
