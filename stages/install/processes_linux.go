package install

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// holders lists the other processes that hold a file open: proc(5), /proc/PID/fd.
// Those of other users cannot be looked into; none of them was started by us.
func holders(file string) []int {
	// One that ends while we look may just have started another, which was not listed.
	for tries := 1; ; tries++ {
		if pids, all := lookForHolders(file); all || tries == 10 {
			return pids
		}
	}
}

// lookForHolders looks once; all says that no process ended meanwhile.
func lookForHolders(file string) (pids []int, all bool) {
	processes, err := os.ReadDir("/proc")
	if err != nil {
		return nil, true // no proc: nothing can be found
	}
	all = true
	for _, process := range processes {
		pid, err := strconv.Atoi(process.Name())
		if err != nil || pid == os.Getpid() {
			continue
		}
		dir := filepath.Join("/proc", process.Name(), "fd")
		links, err := os.ReadDir(dir)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ESRCH) {
			all = false
		}
		for _, link := range links {
			if target, err := os.Readlink(filepath.Join(dir, link.Name())); err == nil && target == file {
				pids = append(pids, pid)
				break
			}
		}
	}
	return pids, all
}

// endAll ends processes with SIGTERM and, after ten seconds, with SIGKILL.
func endAll(ctx context.Context, pids []int, log *slog.Logger) error {
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
		for _, pid := range pids {
			log.Warn("ending what an earlier test installation left behind", "process", pid, "command", commandOf(pid), "signal", signal.String())
			_ = syscall.Kill(pid, signal) // it may have ended
		}
		left, err := waitUntilEnded(ctx, pids)
		if err != nil || len(left) == 0 {
			return err
		}
		pids = left
	}
	return fmt.Errorf("an earlier test installation left processes that cannot be ended: %v; end them and try again", pids)
}

// waitUntilEnded waits up to ten seconds for processes to end and gives those that
// have not.
func waitUntilEnded(ctx context.Context, pids []int) ([]int, error) {
	for range 100 {
		pids = slices.DeleteFunc(slices.Clone(pids), func(pid int) bool { return ended(pid) })
		if len(pids) == 0 {
			return nil, nil
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
	return pids, nil
}

// ended reports whether a process has ended; one whose parent has not asked for
// its status is still listed, as a zombie.
func ended(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return true
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	return strings.HasPrefix(rest, "Z")
}

// commandOf is a process's command line, for people.
func commandOf(pid int) string {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if err != nil {
		return "?"
	}
	return shorten(strings.TrimSpace(strings.ReplaceAll(string(data), "\x00", " ")), 200)
}

// mounts are the mount points below a folder: proc(5), mountinfo.
func mounts(below string) []string {
	data, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil
	}
	var found []string
	for line := range strings.Lines(string(data)) {
		if fields := strings.Fields(line); len(fields) > 4 && strings.HasPrefix(fields[4], below+"/") {
			found = append(found, fields[4])
		}
	}
	return found
}

// setPdeathsig has the kernel send a signal to a command when the thread that starts it
// ends, also when this program is killed: prctl(2), PR_SET_PDEATHSIG.
func setPdeathsig(cmd *exec.Cmd, signal syscall.Signal) { cmd.SysProcAttr.Pdeathsig = signal }
