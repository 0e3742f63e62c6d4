package git

import (
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mage-os/nightly/releases/compare"
)

// grow makes a repository in which a side branch was merged, and gives the
// commits of main: so many, the merge among them.
func grow(t *testing.T, dir string, commits int) []string {
	t.Helper()
	git := tool(t, "git")
	run(t, git, "init", "-q", "--bare", "-b", "main", dir)
	var stream strings.Builder
	for i := range commits {
		message := fmt.Sprintf("Change %d (#%d)\n\nBody of %d\n", i, 100+i, i)
		fmt.Fprintf(&stream, "commit refs/heads/main\nmark :%d\nauthor Ann %d <ann@example.org> %d +0000\ncommitter Bot <bot@example.org> %d +0000\ndata %d\n%s\n",
			i+1, i%3, 1700000000+i*60, 1700000000+i*60, len(message), message)
		if i == commits-2 && commits > 4 {
			fmt.Fprintf(&stream, "merge refs/heads/side\n")
		}
		fmt.Fprintf(&stream, "M 100644 inline file-%d\ndata 2\n%d\n\n", i, i%10)
		if i == 1 {
			stream.WriteString("commit refs/heads/side\nauthor Bea <bea@example.org> 1700000090 +0000\ncommitter Bot <bot@example.org> 1700000090 +0000\ndata 4\nSide\nfrom :2\n\n")
		}
	}
	cmd := exec.Command(git, "-C", dir, "fast-import", "--quiet")
	cmd.Stdin = strings.NewReader(stream.String())
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("fast-import: %v\n%s", err, out)
	}
	return strings.Fields(run(t, git, "-C", dir, "rev-list", "--reverse", "--first-parent", "main"))
}

func subjects(commits []compare.Commit) []string {
	list := []string{}
	for _, c := range commits {
		list = append(list, c.Subject+", "+c.Author)
	}
	return list
}

func TestHistory(t *testing.T) {
	root := t.TempDir()
	ids := grow(t, filepath.Join(root, "one"), 8)
	long := grow(t, filepath.Join(root, "long"), 1200)
	for _, name := range []string{"one", "long"} {
		for _, key := range []string{"uploadpack.allowReachableSHA1InWant", "uploadpack.allowFilter"} {
			run(t, tool(t, "git"), "-C", filepath.Join(root, name), "config", key, "true")
		}
	}
	plain := t.TempDir() // a server that gives tips only, and files always
	old := grow(t, filepath.Join(plain, "one"), 8)
	web, webPlain := serve(t, backend(t, root)).URL, serve(t, backend(t, plain)).URL
	last := []string{"Change 7 (#107), Ann 1", "Change 6 (#106), Ann 0", "Side, Bea"}
	for _, test := range []struct {
		name, url, before, after string
		want                     []string
		fails                    string
	}{
		{"folder", "file://" + root + "/one", ids[5], ids[7], last, ""},
		{"http", web + "/one", ids[5], ids[7], last, ""},
		{"http, a commit that is no tip", web + "/one", ids[3], ids[5], []string{"Change 5 (#105), Ann 2", "Change 4 (#104), Ann 1"}, ""},
		{"http, tips only", webPlain + "/one", old[5], old[7], last, ""},
		{"http, gone back", web + "/one", ids[5], ids[3], []string{}, ""},
		{"http, after more than the first depth", web + "/long", long[1000], long[1199], nil, ""},
		{"http, too far", web + "/long", long[10], long[1199], nil, "not among the 1000 commits"},
		{"a commit that is not there", "file://" + root + "/one", strings.Repeat("ab", 20), ids[7], nil, "commit abab"},
		{"no repository", web + "/none", ids[0], ids[1], nil, "not found"},
		{"another protocol", "ftp://host/one", ids[0], ids[1], nil, "is not spoken here"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := NewHistory(Options{}).Between(t.Context(), test.url, test.before, test.after)
			if test.fails != "" {
				if err == nil || !strings.Contains(err.Error(), test.fails) {
					t.Fatalf("error %v, want one with %q", err, test.fails)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if test.want == nil {
				if len(got) != 200 { // 199 and the side branch
					t.Errorf("%d commits, want 200", len(got))
				}
				return
			}
			if diff := cmp.Diff(test.want, subjects(got)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// A pack that says to have more objects than any repository is not taken.
func TestTimes(t *testing.T) {
	root, plain := t.TempDir(), t.TempDir()
	ids := grow(t, filepath.Join(root, "one"), 8)
	for _, key := range []string{"uploadpack.allowReachableSHA1InWant", "uploadpack.allowFilter"} {
		run(t, tool(t, "git"), "-C", filepath.Join(root, "one"), "config", key, "true")
	}
	run(t, tool(t, "git"), "clone", "-q", "--bare", filepath.Join(root, "one"), filepath.Join(plain, "one")) // gives files always
	want := map[string]time.Time{}
	for _, id := range []string{ids[3], ids[7]} {
		at, err := time.Parse(time.RFC3339, strings.TrimSpace(run(t, tool(t, "git"), "-C", filepath.Join(root, "one"), "show", "-s", "--format=%cI", id)))
		if err != nil {
			t.Fatal(err)
		}
		want[id] = at.UTC()
	}
	for name, url := range map[string]string{"folder": "file://" + root + "/one", "http": serve(t, backend(t, root)).URL + "/one"} {
		if got, err := NewHistory(Options{}).Times(t.Context(), url, []string{ids[3], ids[7]}); err != nil || !cmp.Equal(want, got) {
			t.Errorf("%s: %v, want %v: %v", name, got, want, err)
		}
	}
	if got, err := NewHistory(Options{}).Times(t.Context(), serve(t, backend(t, plain)).URL+"/one", []string{ids[7]}); err != nil || got[ids[7]] != want[ids[7]] {
		t.Errorf("a tip: %v: %v", got, err)
	}
	if _, err := NewHistory(Options{}).Times(t.Context(), "file://"+root+"/one", []string{strings.Repeat("ab", 20)}); err == nil {
		t.Error("a commit that is not there has a time")
	}
}

func TestHistoryBomb(t *testing.T) {
	root := t.TempDir()
	ids := grow(t, filepath.Join(root, "one"), 8)
	git := backend(t, root)
	server := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasSuffix(r.URL.Path, "/git-upload-pack") {
			git.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/x-git-upload-pack-result")
		fmt.Fprint(w, "00000008NAK\n0011\x01PACK\x00\x00\x00\x02\x40\x00\x00\x000000")
	}))
	_, err := NewHistory(Options{}).Between(t.Context(), server.URL+"/one", ids[5], ids[7])
	if err == nil || !strings.Contains(err.Error(), "the pack has 1073741824 objects, more than 16777216") {
		t.Errorf("the history: %v", err)
	}
	_, err = NewWriter(Options{}).Commit(t.Context(), Draft{URL: server.URL + "/one", Parent: ids[7]})
	if err == nil || !strings.Contains(err.Error(), "the pack has 1073741824 objects, more than 16777216") {
		t.Errorf("a commit: %v", err)
	}
}

func TestHistoryOverSSH(t *testing.T) {
	server, dir := startSSH(t), t.TempDir()
	ids := grow(t, filepath.Join(dir, "one"), 8)
	got, err := NewHistory(server.options()).Between(t.Context(), server.url+dir+"/one", ids[5], ids[7])
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"Change 7 (#107), Ann 1", "Change 6 (#106), Ann 0", "Side, Bea"}, subjects(got)); diff != "" {
		t.Error(diff)
	}
}

var _ compare.History = (*History)(nil)
