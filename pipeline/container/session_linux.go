package container

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// endSession ends the processes in which Dagger's command line tool holds our
// sessions. The library does not tell which they are; they are children of ours.
func endSession() {
	files, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return
	}
	for _, file := range files {
		dir := filepath.Dir(file)
		stat, err := os.ReadFile(file)
		if err != nil || parent(string(stat)) != os.Getpid() {
			continue // it has ended, or is somebody else's
		}
		command, err := os.ReadFile(filepath.Join(dir, "cmdline"))
		if err != nil || !bytes.Contains(command, []byte("\x00session\x00")) || !bytes.Contains(command, []byte("dagger.io/sdk.name:go")) {
			continue
		}
		if pid, err := strconv.Atoi(filepath.Base(dir)); err == nil {
			_ = syscall.Kill(pid, syscall.SIGKILL) // or it has ended by itself
		}
	}
}

// parent reads the parent's process id; the fields before it are the process id,
// the command in parentheses, which may hold anything, and the state.
func parent(stat string) int {
	_, rest, _ := strings.Cut(stat[strings.LastIndexByte(stat, ')')+1:], " ")
	fields := strings.Fields(rest)
	if len(fields) < 2 {
		return 0
	}
	pid, err := strconv.Atoi(fields[1])
	if err != nil {
		return 0
	}
	return pid
}
