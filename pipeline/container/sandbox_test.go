package container

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestPlainFiles: what package code could have left in place of a stage's result is not
// followed.
func TestPlainFiles(t *testing.T) {
	for name, leave := range map[string]func(file string) error{
		"a link": func(file string) error { return os.Symlink("/etc/passwd", file) },
		"a pipe": func(file string) error { return syscall.Mkfifo(file, 0o600) },
		"too much": func(file string) error {
			if err := os.WriteFile(file, nil, 0o600); err != nil {
				return err
			}
			return os.Truncate(file, maxOut+1) // it takes no room
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.MkdirAll(filepath.Join(dir, treesDir, "a"), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, resultFile), []byte("{}"), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := plainFiles(dir); err != nil {
				t.Fatalf("files alone: %v", err)
			}
			if err := leave(filepath.Join(dir, treesDir, "a", "left")); err != nil {
				t.Fatal(err)
			}
			if err := plainFiles(dir); err == nil || !strings.Contains(err.Error(), "left left in its sandbox") {
				t.Errorf("%s: %v", name, err)
			}
		})
	}
}

// TestWall: what programs expect of a machine is there, and its network is not.
func TestWall(t *testing.T) {
	if err := FindSandbox(t.Context()); err != nil {
		t.Skip(err)
	}
	args, err := wall()
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), args[0], append(args[1:], "sh", "-ec", "echo a > /tmp/a; cat /proc/net/dev")...).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for line := range strings.Lines(string(out)) {
		if name, _, ok := strings.Cut(strings.TrimSpace(line), ":"); ok && name != "lo" {
			t.Errorf("it has the network %s", name)
		}
	}
}
