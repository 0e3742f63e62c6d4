//go:build unix

package container

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
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

// TestTail: of what a program says the end is kept.
func TestTail(t *testing.T) {
	var kept tail
	for _, text := range []string{"begin", strings.Repeat("x", maxTail-1), "end", strings.Repeat("y", 3*maxTail), "\nlast"} {
		if n, err := kept.Write([]byte(text)); n != len(text) || err != nil {
			t.Fatal(n, err)
		}
		if len(kept) > maxTail || !strings.HasSuffix(string(kept), text[max(0, len(text)-maxTail):]) {
			t.Errorf("%d bytes are kept, with %.9q at the end", len(kept), kept[max(0, len(kept)-9):])
		}
	}
}

// TestGiveAway: what the sandbox's user left is not looked at by root.
func TestGiveAway(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root gives files away")
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "a"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	owners := func() (all []int) {
		for _, path := range []string{dir, filepath.Join(dir, "a")} {
			owner, err := ownerOf(path)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, owner)
		}
		return all
	}
	if err := giveAway(dir); err != nil || !slices.Equal(owners(), []int{nobody, nobody}) {
		t.Errorf("%v, owners %v", err, owners())
	}
	if err := os.Chown(filepath.Join(dir, "a"), 0, 0); err != nil {
		t.Fatal(err)
	}
	if err := giveAway(dir); err != nil || !slices.Equal(owners(), []int{nobody, 0}) {
		t.Errorf("again: %v, owners %v", err, owners())
	}
}

// TestForbidden: the setting that forbids a sandbox is named, with what to do.
func TestForbidden(t *testing.T) {
	for name, test := range map[string]struct{ file, value, want string }{
		"AppArmor": {"kernel/apparmor_restrict_unprivileged_userns", "1\n", "give bwrap a profile of AppArmor"},
		"Debian's": {"kernel/unprivileged_userns_clone", "0\n", "sysctl kernel.unprivileged_userns_clone=1"},
		"none":     {"user/max_user_namespaces", "0\n", "user.max_user_namespaces is 0 here"},
		"allowed":  {"kernel/apparmor_restrict_unprivileged_userns", "0\n", ""},
	} {
		dir := t.TempDir()
		file := filepath.Join(dir, test.file)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(test.value), 0o644); err != nil {
			t.Fatal(err)
		}
		if got := forbidden(dir); !strings.Contains(got, test.want) || test.want == "" && got != "" {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}
