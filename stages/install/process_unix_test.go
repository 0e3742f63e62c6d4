//go:build unix

package install

import (
	"os/exec"
	"testing"
)

// TestPeakMemory: what a command inherits of this program is not taken for its own.
func TestPeakMemory(t *testing.T) {
	const most = 300 << 20 // more than this test has
	for _, test := range []struct {
		script    string
		low, high int64
	}{
		{"exit 3", 0, 0},
		{"head -c 314572800 /dev/zero | tail -c 314572800 >/dev/null", most, 2 * most},
	} {
		cmd := exec.Command("sh", "-c", test.script)
		_ = cmd.Run() // how it ended does not matter
		if got := peakMemory(cmd.ProcessState); got < test.low || got > test.high {
			t.Errorf("%s: %d bytes; want %d to %d", test.script, got, test.low, test.high)
		}
	}
}
