package ci

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// tagsOfSample is the sample distribution as a line that builds tags.
const tagsOfSample = `extends: sample
name: history
lock: null
url: %[2]s
versions: {policy: tags, skip-tags: []}
repositories:
  - name: monorepo
    url: file://%[1]s/monorepo
    ref: null
    packages: [{directory: ., base: {%[3]s}}]
  - {name: extras, drop: true}
editions:
  - {name: product-community-edition, require: [{package: sample-os/extras-metapackage, drop: true}]%[4]s}
`

// What was released is written to where the next builds read it, and they build the same of it.
func TestLinesHistory(t *testing.T) {
	dir := t.TempDir()
	server := httptest.NewServer(http.FileServer(http.Dir(filepath.Join(dir, "html"))))
	defer server.Close()
	git := func(of string, script string) string {
		cmd := exec.Command("sh", "-ec", "git init -q -b main "+of+"; cd "+of+"; "+script)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.org", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example.org")
		out, err := cmd.Output()
		if err != nil {
			t.Skipf("git is needed to make repositories: %v", err)
		}
		return strings.TrimSpace(string(out))
	}
	sample, err := filepath.Abs("../releases/sample/repositories/monorepo/head")
	if err != nil {
		t.Fatal(err)
	}
	git("monorepo", "cp -r "+sample+"/. .; git add .; git commit -qm 1; git tag 1.0.0")
	first := git("data", "echo > README; git add .; git commit -qm 1; git rev-parse HEAD")
	write := func(file, commit, base, edition string) string {
		file = filepath.Join(dir, file)
		text := fmt.Sprintf(tagsOfSample, dir, server.URL+"/", base, edition)
		if commit != "" {
			text += "data: {url: file://" + dir + "/data, ref: main, commit: " + commit + "}\n"
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return file
	}
	expect := func(wantCode int, wantOut string, args ...string) {
		t.Helper()
		t.Setenv("NIGHTLY_STORE", "")
		code, stdout, stderr := run(t, "", append(args, "--store", dir+"/store")...)
		if code != wantCode || !strings.Contains(stdout, wantOut) {
			t.Fatalf("%v: exit code %d, want %d\n%s%s", args, code, wantCode, stdout, stderr)
		}
	}
	plain := write("plain.yaml", "", "require: official", "")
	expect(0, "", "mirror", "--line", plain, "--to", dir+"/html")
	expect(2, "", "lines", "history", plain, "--to", dir+"/data")

	kept := func(commit string) string {
		return write("kept.yaml", commit, "require: official, released: 'base/{tag}.json'", ", released: 'product/{tag}.json'")
	}
	const files = "base/1.0.0.json\nproduct/1.0.0.json\n"
	expect(0, files, "lines", "history", kept(first), "--to", dir+"/data")
	expect(0, "", "lines", "history", kept(first), "--to", dir+"/data") // what is there stays
	second := git("data", "git add .; git commit -qm 2; git rev-parse HEAD")
	line := kept(second)
	expect(0, "", "mirror", "--line", line, "--to", dir+"/again")
	expect(0, "0 missing", "mirror", "--line", line, "--to", dir+"/again", "--compare", dir+"/html")
	third := git("data", `sed -i "s/Sample 2 Base/As released/" base/1.0.0.json; git commit -qam 3; git rev-parse HEAD`)
	expect(0, "", "mirror", "--line", kept(third), "--to", dir+"/changed")
	metadata, err := filepath.Glob(dir + "/changed/mirror/*/p2/sample-os/sample2-base.json")
	if err != nil || len(metadata) != 1 {
		t.Fatal(metadata, err)
	}
	if data, err := os.ReadFile(metadata[0]); err != nil || !strings.Contains(string(data), "As released") {
		t.Errorf("what was released is not what is built: %v\n%s", err, data)
	}
}
