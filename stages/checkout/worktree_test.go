package checkout

import (
	"bytes"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/pipeline/store"
)

// A working tree is what git lists of it, with the contents and modes that lie there.
func TestWorkTree(t *testing.T) {
	git, err := exec.LookPath("git")
	if err != nil {
		t.Skip("git is not installed")
	}
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("XDG_CONFIG_HOME", "")
	dir := filepath.Join(home, "clone")
	run := func(in string, args ...string) string {
		t.Helper()
		cmd := exec.Command(git, append([]string{"-C", in, "-c", "user.name=a", "-c", "user.email=a@example.org"}, args...)...)
		cmd.Env = append(os.Environ(), "GIT_CONFIG_SYSTEM=/dev/null")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
		}
		return string(out)
	}
	write := func(name, text string) {
		t.Helper()
		name = filepath.Join(home, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	run(home, "init", "-q", "clone")
	for _, name := range []string{"a.php", "gone.php", "vendor/kept.php", "vendor/deep/kept.log", "var/a/b.txt"} {
		write("clone/"+name, name)
	}
	run(dir, "add", "-f", ".")
	run(dir, "commit", "-q", "-m", "first")
	write(".config/git/ignore", ".idea/\n*.swp\n")
	write("clone/.git/info/exclude", "/mine\n")
	write("clone/.gitignore", "# note\nvendor/\n*.log\n!good.log\n/var/**\n!/var/keep  \n/one\nlist/*\n!list/ok\nd[0-9]/\nsp\\ \n**/x/y\n\n!\n")
	write("clone/sub/.gitignore", "!*.log\nlocal\n")
	for _, name := range []string{
		"a.php", "new.php", "vendor/new.php", "vendor/deep/new.php", "x.log", "good.log", "var/new", "var/keep", "var/a/new", "one/z", "sub/one/z", "sub/q.log", "sub/local/z", "local",
		"list/no", "list/ok/z", "sub/list/no", "d1/z", "d1x/z", "sub/d2/z", "sp ", "q/x/y/z", "x/y", "mine", "sub/mine", ".idea/z", "sub/v.swp", ".env", "nested/z", "ünï/ß.php",
	} {
		write("clone/"+name, "new "+name)
	}
	run(filepath.Join(dir, "nested"), "init", "-q")
	if err := os.Remove(filepath.Join(dir, "gone.php")); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(dir, "new.php"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("sub", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	want := strings.Split(strings.TrimSuffix(run(dir, "ls-files", "-z", "--cached", "--others", "--exclude-standard"), "\x00"), "\x00")
	want = slices.DeleteFunc(want, func(name string) bool { return name == "gone.php" || name == "nested/" })
	slices.Sort(want)

	s, err := store.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var log bytes.Buffer
	tree, err := WorkTree(t.Context(), s, dir, slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	listed, err := s.Files(t.Context(), tree)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	modes := map[string]pipeline.Mode{}
	for _, f := range listed {
		got = append(got, f.Path)
		modes[f.Path] = f.Mode
	}
	if diff := cmp.Diff(slices.Compact(want), got); diff != "" {
		t.Errorf("the working tree is not what git lists (-git +ours):\n%s", diff)
	}
	if modes["new.php"] != pipeline.Executable || modes["link"] != pipeline.Symlink || modes["a.php"] != pipeline.Regular {
		t.Errorf("modes are %v", modes)
	}
	if !strings.Contains(log.String(), "path=nested") {
		t.Errorf("nobody is told of the repository within: %s", log.String())
	}

	// A linked work tree is one, too; and a sparse one is not built in part.
	run(dir, "worktree", "add", "-q", "-b", "other", filepath.Join(home, "linked"))
	if tree, err := WorkTree(t.Context(), s, filepath.Join(home, "linked"), slog.Default()); err != nil || tree.Files != 5 {
		t.Errorf("of a linked work tree: %+v, %v", tree, err)
	}
	run(filepath.Join(home, "linked"), "update-index", "--skip-worktree", "a.php")
	if err := os.Remove(filepath.Join(home, "linked", "a.php")); err != nil {
		t.Fatal(err)
	}
	if _, err := WorkTree(t.Context(), s, filepath.Join(home, "linked"), slog.Default()); err == nil || !strings.Contains(err.Error(), "sparse-checkout disable") {
		t.Errorf("of a sparse work tree: %v", err)
	}
}
