package git

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/cgi"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	gogit "github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"

	"github.com/mage-os/nightly/releases"
)

// by is who commits in these tests.
var by = Identity{Name: "Somebody", Email: "somebody@example.org", When: time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)}

// commitOfOne is the id of draft's commit: it depends on nothing but the draft.
const commitOfOne = "56f4710c4ab4d3142a5f530a1b447aaf07c47a66"

func draft(address string) Draft {
	return Draft{
		URL: address, Parent: refsOfOne[0].Commit, Message: "Release 2.0.0\n", By: by,
		Files: map[string][]byte{
			"composer.json": []byte("{\"name\":\"a/b\",\"version\":\"2.0.0\"}\n"),
			"bin/run":       []byte("#!/bin/sh\n"),
			"src/a.php":     []byte("<?php // new\n"),
		},
	}
}

// receiver serves repositories with git's own http-backend, and lets who has the
// password write.
func receiver(t *testing.T, root, password string) http.Handler {
	t.Helper()
	git := tool(t, "git")
	program := filepath.Join(run(t, git, "--exec-path"), "git-http-backend")
	if _, err := os.Stat(program); err != nil {
		t.Skipf("needs git's http-backend: %v", err)
	}
	handler := &cgi.Handler{Path: program, Env: []string{
		"GIT_PROJECT_ROOT=" + root, "GIT_HTTP_EXPORT_ALL=1",
		"GIT_CONFIG_COUNT=2", "GIT_CONFIG_KEY_0=safe.directory", "GIT_CONFIG_VALUE_0=*",
		"GIT_CONFIG_KEY_1=http.receivepack", "GIT_CONFIG_VALUE_1=true",
	}}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		writes := strings.HasSuffix(r.URL.Path, "/git-receive-pack") || r.URL.Query().Get("service") == "git-receive-pack"
		if _, given, _ := r.BasicAuth(); writes && given != password {
			w.Header().Set("WWW-Authenticate", `Basic realm="git"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		handler.ServeHTTP(w, r)
	})
}

// TestPush writes a release to a repository, by every way to reach one: the same
// commit, and again with nothing to do.
func TestPush(t *testing.T) {
	for _, way := range []string{"file", "http", "ssh"} {
		t.Run(way, func(t *testing.T) {
			dir := filepath.Join(repositories(t), "one")
			address, w := "file://"+dir, NewWriter(Options{})
			switch way {
			case "http":
				// A URL with a password needs no token; a token goes over https alone.
				address = strings.Replace(serve(t, receiver(t, filepath.Dir(dir), "open")).URL, "://", "://me:open@", 1) + "/one"
			case "ssh":
				server := startSSH(t)
				address, w = server.url+dir, NewWriter(server.options())
			}
			for range 2 {
				writeRelease(t, w, address)
				checkRelease(t, dir)
			}
		})
	}
}

func writeRelease(t *testing.T, w *Writer, address string) {
	t.Helper()
	made, err := w.Commit(t.Context(), draft(address))
	if err != nil {
		t.Fatal(err)
	}
	if made.ID != commitOfOne {
		t.Errorf("the commit is %s, want %s", made.ID, commitOfOne)
	}
	if err := w.PushBranch(t.Context(), made, "release/2.0.0", ""); err != nil {
		t.Fatal(err)
	}
	if err := w.PushTag(t.Context(), address, "2.0.0", made.ID, "Release 2.0.0\n", by); err != nil {
		t.Fatal(err)
	}
	read, err := w.Read(t.Context(), address, made.ID)
	if diff := cmp.Diff(Made{ID: made.ID, Parents: []string{refsOfOne[0].Commit}, Message: "Release 2.0.0\n", By: by}, read); err != nil || diff != "" {
		t.Errorf("read the commit (%v):\n%s", err, diff)
	}
}

// checkRelease reads the repository with go-git, and lets git check it.
func checkRelease(t *testing.T, dir string) {
	t.Helper()
	want := []releases.Ref{
		refsOfOne[0], refsOfOne[1], {Name: "refs/heads/release/2.0.0", Commit: commitOfOne},
		refsOfOne[2], refsOfOne[3], {Name: "refs/tags/2.0.0", Commit: commitOfOne},
	}
	assertRefs(t, NewLister(Options{}), "file://"+dir, want)
	repository, err := gogit.PlainOpen(dir)
	if err != nil {
		t.Fatal(err)
	}
	commit, err := repository.CommitObject(plumbing.NewHash(commitOfOne))
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, name := range []string{"composer.json", "bin/run", "src/a.php", "src.c", "src-b/a.php"} {
		file, err := commit.File(name)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		text, err := file.Contents()
		if err != nil {
			t.Fatal(err)
		}
		got[name] = file.Mode.String() + " " + text
	}
	if diff := cmp.Diff(map[string]string{
		"composer.json": "0100644 {\"name\":\"a/b\",\"version\":\"2.0.0\"}\n", "bin/run": "0100755 #!/bin/sh\n",
		"src/a.php": "0100644 <?php // new\n", "src.c": "0100644 ", "src-b/a.php": "0100644 <?php\n",
	}, got); diff != "" {
		t.Errorf("files of the commit:\n%s", diff)
	}
	run(t, tool(t, "git"), "-c", "safe.directory=*", "-C", dir, "fsck", "--strict")
}

// TestPushTaken: what stands for another commit is not moved, unless it is told from
// where.
func TestPushTaken(t *testing.T) {
	for _, way := range []string{"file", "http"} {
		t.Run(way, func(t *testing.T) {
			dir := filepath.Join(repositories(t), "one")
			address := "file://" + dir
			if way == "http" {
				address = strings.Replace(serve(t, receiver(t, filepath.Dir(dir), "open")).URL, "://", "://me:open@", 1) + "/one"
			}
			w := NewWriter(Options{})
			made, err := w.Commit(t.Context(), draft(address))
			if err != nil {
				t.Fatal(err)
			}
			head, old := refsOfOne[1].Commit, refsOfOne[2].Commit
			assertTaken(t, w.PushBranch(t.Context(), made, "main", ""), "refs/heads/main", head)
			assertTaken(t, w.PushBranch(t.Context(), made, "main", old), "refs/heads/main", head)
			if err := w.PushBranch(t.Context(), made, "release/2.0.0", ""); err != nil {
				t.Fatal(err)
			}
			assertTaken(t, w.PushTag(t.Context(), address, "1.10.0", made.ID, "again\n", by), "refs/tags/1.10.0", old)
			if err := w.PushTag(t.Context(), address, "1.10.0", old, "another text\n", by); err != nil {
				t.Errorf("a tag of the same commit: %v", err)
			}
			next := draft(address)
			next.Message = "Release 2.0.0, begun again\n"
			moved, err := w.Commit(t.Context(), next)
			if err != nil {
				t.Fatal(err)
			}
			assertTaken(t, w.PushBranch(t.Context(), moved, "release/2.0.0", ""), "refs/heads/release/2.0.0", made.ID)
			if err := w.PushBranch(t.Context(), moved, "release/2.0.0", made.ID); err != nil {
				t.Errorf("move the branch: %v", err)
			}
		})
	}
}

func assertTaken(t *testing.T, err error, ref, have string) {
	t.Helper()
	var taken *RefError
	if !errors.As(err, &taken) || taken.Ref != ref || taken.Have != have {
		t.Errorf("got %v; want that %s stands for %s", err, ref, have)
	}
}

// TestPushRefused: errors say where, what to do, and no password.
func TestPushRefused(t *testing.T) {
	dir := filepath.Join(repositories(t), "one")
	address := strings.Replace(serve(t, receiver(t, filepath.Dir(dir), "open")).URL, "://", "://me:s3cret@", 1) + "/one"
	w := NewWriter(Options{})
	made, err := w.Commit(t.Context(), draft(address))
	if err != nil {
		t.Fatal(err)
	}
	err = w.PushBranch(t.Context(), made, "release/2.0.0", "")
	if err == nil || !strings.Contains(err.Error(), "GITHUB_TOKEN") || strings.Contains(err.Error(), "s3cret") {
		t.Errorf("got %v", err)
	}
	if err := w.PushTag(t.Context(), "file://"+dir, "2.0.0", made.ID, "x\n", by); err == nil || !strings.Contains(err.Error(), "has no commit "+made.ID) {
		t.Errorf("a tag of a commit that is not there: %v", err)
	}
	if err := w.PushTag(t.Context(), "embedded:one", "2.0.0", made.ID, "x\n", by); err == nil || !strings.Contains(err.Error(), "cannot be written to") {
		t.Errorf("what is embedded: %v", err)
	}
	bad := draft("file://" + dir)
	bad.Files = map[string][]byte{"src/new.php": nil}
	if _, err := w.Commit(t.Context(), bad); err == nil || !strings.Contains(err.Error(), "has no src/new.php") {
		t.Errorf("a file that the parent does not have: %v", err)
	}
	bad.Files = map[string][]byte{"src": []byte("x")}
	if _, err := w.Commit(t.Context(), bad); err == nil || !strings.Contains(err.Error(), "its mode is") {
		t.Errorf("a folder as a file: %v", err)
	}
}

// TestFetchDeep: a server that does not give a commit by its id is asked for what
// leads to it.
func TestFetchDeep(t *testing.T) {
	dir := filepath.Join(repositories(t), "one")
	parent := refsOfOne[3].Commit
	whole := receiver(t, filepath.Dir(dir), "open")
	address := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || bytes.Contains(body, []byte("want "+parent)) {
			http.Error(w, "not our ref", http.StatusForbidden)
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		whole.ServeHTTP(w, r)
	})).URL + "/one"
	d := draft(address)
	d.Parent, d.Files = parent, map[string][]byte{"composer.json": []byte("{}\n")}
	if _, err := NewWriter(Options{}).Commit(t.Context(), d); err == nil || !strings.Contains(err.Error(), parent) {
		t.Errorf("without a tip: %v", err)
	}
	d.Tips = []string{refsOfOne[1].Commit}
	made, err := NewWriter(Options{}).Commit(t.Context(), d)
	if err != nil || made.Parent != parent {
		t.Errorf("with a tip: %+v, %v", made, err)
	}
}
