package lines

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mage-os/nightly/releases/config"

	"github.com/mage-os/nightly/releases"
)

// gitRun runs git in a folder, away from the configuration of the machine.
func gitRun(t *testing.T, dir string, args ...string) {
	t.Helper()
	git, err := exec.LookPath("git")
	if err != nil {
		t.Skip("git is not installed")
	}
	cmd := exec.Command(git, args...)
	cmd.Dir = dir
	cmd.Env = []string{
		"HOME=" + t.TempDir(), "GIT_CONFIG_NOSYSTEM=1", "PATH=" + os.Getenv("PATH"),
		"GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.org", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example.org",
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// newClone makes a repository with one commit and a branch fix/it checked out.
func newClone(t *testing.T, name string) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	dir = filepath.Join(dir, name)
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	gitRun(t, dir, "init", "--quiet", "--initial-branch=main")
	gitRun(t, dir, "commit", "--quiet", "--allow-empty", "--message=first")
	gitRun(t, dir, "switch", "--quiet", "--create", "fix/it")
	return dir
}

func goodParsed(t *testing.T) *releases.Line {
	t.Helper()
	line, err := Parse("good.yaml", []byte(goodLine))
	if err != nil {
		t.Fatal(err)
	}
	return line
}

func TestWithFolder(t *testing.T) {
	clone := newClone(t, "my clone")
	worktree := filepath.Join(filepath.Dir(clone), "worktree")
	gitRun(t, clone, "worktree", "add", "--quiet", "-b", "other", worktree)
	bare := filepath.Join(filepath.Dir(clone), "bare.git")
	gitRun(t, clone, "clone", "--quiet", "--bare", ".", bare)
	owner := newClone(t, "owner")
	gitRun(t, owner, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", clone, "sub")
	gitRun(t, filepath.Join(owner, "sub"), "switch", "--quiet", "--create", "within")

	encoded := strings.ReplaceAll(clone, " ", "%20")
	for _, c := range []struct{ name, folder, url, ref string }{
		{"clone", clone, "file://" + encoded, "fix/it"},
		{"clone with a slash", clone + "/", "file://" + encoded, "fix/it"},
		{"bare repository", bare, "file://" + bare, "fix/it"},
		{"worktree", worktree, "file://" + encoded, "other"},
		{"submodule", filepath.Join(owner, "sub"), "file://" + owner + "/.git/modules/sub", "within"},
	} {
		t.Run(c.name, func(t *testing.T) {
			line := goodParsed(t)
			if err := With(line, "tools="+c.folder); err != nil {
				t.Fatal(err)
			}
			r, _ := line.Repository("tools")
			if r.URL != c.url || r.Ref != c.ref || !r.Local {
				t.Errorf("URL %s, ref %s, local %v; want %s, %s, true", r.URL, r.Ref, r.Local, c.url, c.ref)
			}
			if want := filepath.Clean(c.folder); r.Folder != want && c.folder != bare || r.Folder != "" && c.folder == bare {
				t.Errorf("the working tree is in %q, not %q", r.Folder, want)
			}
			if err := Check(line); err != nil {
				t.Error(err)
			}
			gitRun(t, t.TempDir(), "ls-remote", "--exit-code", r.URL, "refs/heads/"+r.Ref)
			roundTrip(t, line)
		})
	}
}

func TestWithRelativeFolder(t *testing.T) {
	clone := newClone(t, "clone")
	t.Chdir(filepath.Dir(clone))
	line := goodParsed(t)
	if err := With(line, "shop=./clone"); err != nil {
		t.Fatal(err)
	}
	if r, _ := line.Repository("shop"); r.URL != "file://"+clone {
		t.Errorf("URL = %s, want file://%s", r.URL, clone)
	}
}

func TestWithURL(t *testing.T) {
	for _, c := range []struct{ name, override, url, ref string }{
		{"https", "tools=https://example.org/tools.git#feature/x", "https://example.org/tools.git", "feature/x"},
		{"ssh", "tools=ssh://git@example.org/tools.git#1.0.0", "ssh://git@example.org/tools.git", "1.0.0"},
		{"file", "tools=file:///srv/tools#main", "file:///srv/tools", "main"},
		{"embedded", "tools=embedded:monorepo#main", "embedded:monorepo", "main"},
		{"ref with a hash", "tools=https://example.org/tools.git#fix-#12", "https://example.org/tools.git", "fix-#12"},
	} {
		t.Run(c.name, func(t *testing.T) {
			line := goodParsed(t)
			if err := With(line, c.override); err != nil {
				t.Fatal(err)
			}
			if r, _ := line.Repository("tools"); r.URL != c.url || r.Ref != c.ref || !r.Local {
				t.Errorf("URL %s, ref %s, local %v; want %s, %s, true", r.URL, r.Ref, r.Local, c.url, c.ref)
			}
		})
	}
}

func TestWithPullRequest(t *testing.T) {
	for _, override := range []string{"acme/tools#12", "Acme/Tools#12", "https://github.com/acme/tools/pull/12", "https://github.com/acme/tools/pull/12/files#diff-1", "https://github.com/acme/tools/pull/12/"} {
		line := goodParsed(t)
		for i := range line.Repositories {
			if r := &line.Repositories[i]; r.Name == "tools" {
				r.URL = "https://github.com/acme/tools.git"
			}
		}
		if err := With(line, override); err != nil {
			t.Fatalf("%s: %v", override, err)
		}
		if r, _ := line.Repository("tools"); r.URL != "https://github.com/acme/tools.git" || r.Ref != "refs/pull/12/merge" || !r.Local {
			t.Errorf("%s: %s, ref %s, local %v", override, r.URL, r.Ref, r.Local)
		}
		if err := With(line, "acme/tools#13"); err == nil || !strings.Contains(err.Error(), "mageos-nightly try takes several") {
			t.Errorf("a second one: %v", err)
		}
		if err := With(line, "https://example.org/acme/tools/pull/12"); err == nil || !strings.Contains(err.Error(), "builds no repository at https://example.org/acme/tools") {
			t.Errorf("one of another host: %v", err)
		}
	}
}

func TestWithErrors(t *testing.T) {
	detached := newClone(t, "detached")
	gitRun(t, detached, "switch", "--quiet", "--detach")
	plain := t.TempDir()
	broken := t.TempDir()
	if err := os.WriteFile(filepath.Join(broken, ".git"), []byte("nothing"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, override, want string }{
		{"no equals sign", "tools", "want NAME=FOLDER, NAME=URL#REF or a pull request"},
		{"no source", "tools=", "want NAME=FOLDER, NAME=URL#REF or a pull request"},
		{"unknown name", "tool=/x", "line mine has no repository of that name; it has shop, tools"},
		{"missing folder", "tools=" + plain + "/none", "no such file or directory; a URL would have a scheme"},
		{"no clone", "tools=" + plain, "is no git repository: it has no .git"},
		{"broken .git file", "tools=" + broken, "it names no gitdir"},
		{"detached", "tools=" + detached, "no branch is checked out there"},
		{"URL without ref", "tools=https://example.org/tools.git", "names no branch or tag; write one behind it, as in https://example.org/tools.git#main"},
		{"URL of git", "tools=git://example.org/tools.git#main", "want https, ssh, file or embedded, as in"},
		{"URL with password", "tools=https://me:secret@example.org/tools.git#main", "no user, password or token"},
		{"short form", "tools=git@example.org:tools.git", "write it as ssh://git@example.org/tools.git"},
		{"bad ref", "tools=https://example.org/tools.git#--exec", "a command line would take it for something else"},
	} {
		t.Run(c.name, func(t *testing.T) {
			line := goodParsed(t)
			err := With(line, c.override)
			var bad *config.Error
			if !errors.As(err, &bad) || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("With: %v, want a *config.Error with %q", err, c.want)
			}
			if strings.Contains(err.Error(), "secret") {
				t.Errorf("the message tells the password: %v", err)
			}
			for _, r := range line.Repositories {
				if r.Local {
					t.Errorf("%s is local after an error", r.Name)
				}
			}
		})
	}
}

func TestWithTwice(t *testing.T) {
	line := goodParsed(t)
	if err := With(line, "tools=https://example.org/a.git#main"); err != nil {
		t.Fatal(err)
	}
	err := With(line, "tools=https://example.org/b.git#main")
	if err == nil || !strings.Contains(err.Error(), "replaced already, by https://example.org/a.git") {
		t.Errorf("With: %v", err)
	}
}

// TestCheckRef compares with git: what we take as a branch, git has to take too.
func TestCheckRef(t *testing.T) {
	git, err := exec.LookPath("git")
	if err != nil {
		t.Skip("git is not installed")
	}
	for _, c := range []struct {
		ref  string
		good bool
	}{
		{"main", true}, {"2.4-develop", true}, {"2.20.x", true}, {"fix/it", true}, {"fix/#12", true}, {"a@b", true},
		{"grün", true}, {"v1.0+x", true}, {"a=b", true}, {"a,b", true}, {"a%b", true}, {"refs/heads/x", true},
		{"", false}, {"-x", false}, {"@", false}, {"a@{1}", false}, {"a..b", false}, {"a.", false}, {".a", false}, {"a/.b", false},
		{"a.lock", false}, {"a.lock/b", false}, {"/a", false}, {"a/", false}, {"a//b", false}, {"a b", false}, {"a\tb", false},
		{"a\x7f", false}, {"a~1", false}, {"a^", false}, {"a:b", false}, {"a?", false}, {"a*", false}, {"a[b", false}, {`a\b`, false},
		{"a\u00a0b", false}, {"a;b", false}, {"a|b", false}, {"a&b", false}, {"a$b", false}, {"a`b", false}, {"a'b", false},
		{`a"b`, false}, {"a<b", false}, {"a>b", false}, {"a(b", false}, {"a!b", false}, {strings.Repeat("a", 256), false},
	} {
		err := config.CheckRef(c.ref)
		if (err == nil) != c.good {
			t.Errorf("CheckRef(%q): %v, want good: %v", c.ref, err, c.good)
		}
		if err == nil && exec.Command(git, "check-ref-format", "--branch", c.ref).Run() != nil {
			t.Errorf("git does not take %q as a branch", c.ref)
		}
	}
}
