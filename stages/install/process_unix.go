//go:build unix

package install

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"
)

// lock takes the lock of a file. busy is called when another holds it: at once,
// and about every second from then on.
func lock(ctx context.Context, f *os.File, busy func() error) error {
	for try := 0; ; try++ {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil || !errors.Is(err, syscall.EWOULDBLOCK) {
			return err
		}
		if try%10 == 0 {
			if err := busy(); err != nil {
				return err
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// group puts a command and all that it starts into a process group of their
// own, which ends as a whole.
func group(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return endGroup(cmd) }
}

// endGroup kills what is left of a command's group; none is no error.
func endGroup(cmd *exec.Cmd) error {
	if cmd.Process == nil {
		return nil
	}
	err := syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
	if errors.Is(err, syscall.ESRCH) {
		return os.ErrProcessDone
	}
	return err
}

// peakMemory is the most that one process of an ended command had resident, in
// bytes, or 0 where that is not known: every command begins as a copy of this
// program, so that its peak is never less than ours (getrusage(2)).
func peakMemory(state *os.ProcessState) int64 {
	var ours syscall.Rusage
	if state == nil || syscall.Getrusage(syscall.RUSAGE_SELF, &ours) != nil {
		return 0
	}
	usage, ok := state.SysUsage().(*syscall.Rusage)
	if !ok || usage.Maxrss <= ours.Maxrss {
		return 0
	}
	if runtime.GOOS == "darwin" { // bytes there, kilobytes elsewhere
		return int64(usage.Maxrss)
	}
	return int64(usage.Maxrss) * 1024
}
