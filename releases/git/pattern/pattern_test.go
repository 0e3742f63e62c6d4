package pattern

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Whatever git says of a path we say.
func TestAsGit(t *testing.T) {
	git, err := exec.LookPath("git")
	if err != nil {
		t.Skip("git is not installed")
	}
	dir := t.TempDir()
	run := func(stdin string, args ...string) string {
		t.Helper()
		cmd := exec.Command(git, append([]string{"-C", dir}, args...)...)
		cmd.Stdin = strings.NewReader(stdin)
		cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
		}
		return string(out)
	}
	run("", "init", "-q")
	patterns := []string{
		"*.log", "/a", "a", "a/b", "/a/*", "**/b", "a/**", "a/**/c", "**", "*", "?", "[ab]", "[!ab]", "[^ab].php", "[]a]", "[a-c]x", "[[:digit:]]", "[a", `\#x`, `\!x`, `a\*`,
		"x y", `x\ `, "ü*", "*/c", "a//b", "a**b", "a/**b", "**a/b", `[\]x]`, "[a/b]c", "a?b", "a[!x]b", `a\`, ".*", "a.b", "a+b", "(a)", "a.php", "b/",
	}
	paths := []string{
		"a", "b", "c", "a/b", "a/c", "a/b/c", "x/a", "x/a/b", "x/y/b", "a/x/y/c", "x.log", "a/x.log", "x.log/y", "#x", "!x", "a*", "x y", "x", "x ", "übel", "ab", "axb", "a/xb", "xa/b",
		"]", "]x", "bx", "ac", "1", "a-b", "c.php", ".a", "a.b", "axb/c", "a+b", "(a)", "aab", "a.php", "b/c",
	}
	for _, text := range patterns {
		if err := os.WriteFile(filepath.Join(dir, FileName), []byte(`"`+strings.ReplaceAll(text, `\`, `\\`)+"\" filter=lfs -text export-ignore !diff\n"), 0o666); err != nil {
			t.Fatal(err)
		}
		var a Attributes
		data, _ := os.ReadFile(filepath.Join(dir, FileName))
		a.Add(data, ".")
		var want, got strings.Builder
		for _, file := range paths {
			for _, name := range []string{"filter", "text", "export-ignore"} {
				value := a.Of(file, false, name)
				if value == "" {
					value = "unspecified"
				}
				got.WriteString(file + "\x00" + name + "\x00" + value + "\x00")
			}
		}
		want.WriteString(run(strings.Join(paths, "\x00")+"\x00", "check-attr", "-z", "--stdin", "filter", "text", "export-ignore"))
		if want.String() != got.String() {
			w, g := strings.Split(want.String(), "\x00"), strings.Split(got.String(), "\x00")
			for i := 0; i+2 < len(w); i += 3 {
				if w[i+2] != g[i+2] {
					t.Errorf("pattern %q, path %q, %s: %s, git says %s", text, w[i], w[i+1], g[i+2], w[i+2])
				}
			}
		}
	}
}

// What is nearer counts more, and what comes later.
func TestAttributes(t *testing.T) {
	var a Attributes
	a.Add([]byte("*.bin !filter\n"), "a/b")
	a.Add([]byte("[attr]x filter=x\n# note\n*.bin filter=lfs\ndocs export-ignore\n*.txt filter=x\r\n*.txt -filter"), ".")
	for _, c := range []struct{ file, name, want string }{
		{"a/x.bin", "filter", "lfs"}, {"a/b/x.bin", "filter", ""}, {"x.txt", "filter", "unset"}, {"x.php", "filter", ""}, {"docs", "export-ignore", "set"}, {"docs/x", "export-ignore", ""},
	} {
		if got := a.Of(c.file, false, c.name); got != c.want {
			t.Errorf("%s of %s is %q, want %q", c.name, c.file, got, c.want)
		}
	}
	if !a.Within("docs/deep/x", "export-ignore") || a.Within("doc/x", "export-ignore") {
		t.Error("a directory's attribute is not that of what lies in it")
	}
}
