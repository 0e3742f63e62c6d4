package git

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mage-os/nightly/releases/compare"
)

// What commits change is told of a folder and of a server alike; of a merge, what is as in none of its parents.
func TestTouched(t *testing.T) {
	git, root := tool(t, "git"), t.TempDir()
	dir := filepath.Join(root, "shop.git")
	in := func(args ...string) string {
		return run(t, git, append([]string{"-C", dir, "-c", "user.name=Jane", "-c", "user.email=jane@example.org"}, args...)...)
	}
	write := func(name, text string) {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		in("add", "-A")
	}
	run(t, git, "init", "-q", "-b", "main", dir)
	write("a/one.php", "1")
	write("both", "1")
	in("commit", "-qm", "first")
	in("checkout", "-qb", "topic")
	write("a/two.php", "2")
	write("both", "2")
	in("commit", "-qm", "topic")
	in("checkout", "-q", "main")
	in("rm", "-q", "a/one.php")
	write("both", "3")
	in("commit", "-qm", "main")
	_ = os.WriteFile(filepath.Join(dir, ".git", "MERGE_HEAD"), []byte(in("rev-parse", "topic")), 0o644)
	write("both", "4")
	write("a/two.php", "2")
	in("commit", "-qm", "Merge pull request #9 from jane/topic")
	in("config", "uploadpack.allowFilter", "true")
	in("config", "uploadpack.allowAnySHA1InWant", "true")

	server := serve(t, backend(t, root))
	for _, address := range []string{"file://" + dir, server.URL + "/shop.git"} {
		h := NewHistory(Options{})
		first := in("rev-list", "--max-parents=0", "main")
		commits, err := h.Between(t.Context(), address, first[:40], in("rev-parse", "main")[:40])
		if err != nil {
			t.Fatal(err)
		}
		found, err := h.Touched(t.Context(), address, commits)
		if err != nil {
			t.Fatal(err)
		}
		got, merged := map[string][]string{}, compare.MergedBy(commits)
		for _, c := range commits {
			got[c.Subject+merged[c.ID]] = found[c.ID]
		}
		want := map[string][]string{"topic9": {"a/two.php", "both"}, "main": {"a/one.php", "both"}, "Merge pull request #9 from jane/topic9": {"both"}}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", address, diff)
		}
	}
}
